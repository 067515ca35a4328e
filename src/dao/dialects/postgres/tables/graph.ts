// What hangs on what in a database: from the names that a step says to every table that may change with them. Pure.
import { compareText, foldAscii } from '../../../../core/schema/names.js';
import { nameOf, type QualifiedName } from '../name.js';
import { NO_REACH, ofBody, type Reach } from './statement-names.js';

export interface Relation extends QualifiedName {
  readonly id: number;
  /** As `pg_class.relkind` has it: table, partitioned table, view, materialized view, foreign table. */
  readonly kind: 'r' | 'p' | 'v' | 'm' | 'f';
  /** It came with an extension. */
  readonly extension: boolean;
}

export interface Routine {
  readonly id: number;
  readonly name: string;
  /** Null where nobody can read what it does. */
  readonly body: string | null;
}

/** By their ids. */
export type Edge = readonly [from: number, to: number];

export interface Graph {
  readonly relations: readonly Relation[];
  readonly routines: readonly Routine[];
  /** From the table that is referred to; `cascades`: its rows take others with them. */
  readonly references: readonly (readonly [to: number, from: number, cascades: boolean])[];
  readonly inherits: readonly (readonly [parent: number, child: number])[];
  /** From a view, or a table with rules, to what their statements name. */
  readonly uses: readonly Edge[];
  /** From a relation to routines: of triggers, rules, defaults, checks. */
  readonly calls: readonly Edge[];
  /** Routines of event triggers. */
  readonly onEvents: readonly number[];
  /** Some of it came with extensions: what becomes of that is in no snapshot of a schema. */
  readonly hasMembers: boolean;
}

export const EMPTY_GRAPH: Graph = {
  relations: [],
  routines: [],
  references: [],
  inherits: [],
  uses: [],
  calls: [],
  onEvents: [],
  hasMembers: false,
};

/** What a step is known to do. */
export interface Known {
  readonly reach: Reach;
  /** Names that it declares. */
  readonly declared: readonly string[];
  /** It says itself all that it touches: what cannot be known by reading is not more than that. */
  readonly isComplete: boolean;
}

/** The tables with rows of their own that may change, by name. `isForeign`: whether a table is another tool's. */
export function tablesAtReach(
  graph: Graph,
  { reach, declared, isComplete }: Known,
  isForeign: (table: string) => boolean,
): readonly Relation[] {
  const walk = new Walk(graph);
  for (const id of meantBy(graph.relations, declared)) walk.change(id);
  // What is created, altered or dropped is told to these.
  if (reach !== NO_REACH) for (const id of graph.onEvents) walk.call(id);
  walk.follow(reach);
  const found =
    walk.anything && !isComplete
      ? graph.relations.filter(({ id, extension, name }) => walk.changed.has(id) || !(extension || isForeign(name)))
      : graph.relations.filter(({ id }) => walk.changed.has(id));
  return found.filter(({ kind }) => kind === 'r').toSorted((a, b) => compareText(nameOf(a), nameOf(b)));
}

/** A declaration is lenient: without regard to case, with or without `public`, or with a column behind. */
function meantBy(relations: readonly Relation[], declared: readonly string[]): readonly number[] {
  const plain = (name: string): string => foldAscii(name).replace(/^public\./, '');
  const meant = new Set(declared.flatMap((name) => [plain(name), plain(name.replace(/\.[^.]*$/, ''))]));
  if (meant.size === 0) return [];
  return relations.filter((relation) => meant.has(plain(nameOf(relation)))).map(({ id }) => id);
}

class Walk {
  readonly changed = new Set<number>();
  anything = false;
  readonly #graph: Graph;
  readonly #seen = new Set<string>();
  #truncates = false;

  constructor(graph: Graph) {
    this.#graph = graph;
  }

  follow(reach: Reach): void {
    this.anything ||= reach.anything;
    if (reach.truncates) this.#truncate();
    for (const { id, name, kind } of this.#graph.relations) {
      if (reach.changes.has(name)) this.change(id);
      else if (reach.mentions.has(name) && (kind === 'v' || kind === 'm')) this.#read(id);
    }
    for (const { id, name } of this.#graph.routines) {
      if (reach.changes.has(name) || reach.mentions.has(name)) this.call(id);
    }
  }

  change(id: number): void {
    if (this.changed.has(id)) return;
    this.changed.add(id);
    const { references, inherits, uses, calls } = this.#graph;
    for (const [to, from, cascades] of references) if (to === id && (cascades || this.#truncates)) this.change(from);
    for (const [parent, child] of inherits) if (parent === id) this.change(child);
    for (const [view, used] of uses) if (view === id) this.change(used);
    for (const [relation, routine] of calls) if (relation === id) this.call(routine);
  }

  call(id: number): void {
    if (this.#isKnown(`call ${id}`)) return;
    const routine = this.#graph.routines.find((one) => one.id === id);
    if (routine === undefined) return;
    if (routine.body === null) this.anything = true;
    else this.follow(ofBody(routine.body));
  }

  /** A view that is only read calls what is in it. */
  #read(id: number): void {
    if (this.#isKnown(`read ${id}`)) return;
    for (const [view, used] of this.#graph.uses) if (view === id) this.#read(used);
    for (const [relation, routine] of this.#graph.calls) if (relation === id) this.call(routine);
  }

  #truncate(): void {
    if (this.#truncates) return;
    this.#truncates = true;
    for (const [to, from] of this.#graph.references) if (this.changed.has(to)) this.change(from);
  }

  #isKnown(what: string): boolean {
    const known = this.#seen.has(what);
    this.#seen.add(what);
    return known;
  }
}
