// A migration step: its version, what it does and undoes, and what it declares about itself.
import type { Knex } from 'knex';
import { parseVersion, sha256, type StepVersion } from '../brands.js';
import { canonicalJson } from '../events/canonical-json.js';
import type { OutsideTransaction, ScriptStatement } from '../ports/script-splitter.js';

/**
 * What a step's code gets: a knex instance of the database's dialect on the step's own connection, inside the step's
 * transaction (with `transaction: 'none'` outside of one). `({ knex, signal })` works as well as `(knex)`. Nested
 * `transaction()` calls are savepoints. What ends the transaction, and a statement after the step's end, is refused: it
 * rejects, and the step fails with `step-ended-transaction`.
 */
export type StepHandle = Knex & {
  readonly knex: Knex;
  /** Aborted when the run is cancelled or the step's time is up. */
  readonly signal: AbortSignal;
};

/**
 * What a step says beforehand that it may do. Names are compared without regard to case; on PostgreSQL a table outside
 * of schema `public` is `schema.table`.
 */
export interface Declarations {
  /**
   * All tables that the step touches. PostgreSQL copies these before it, with what hangs on them; where a step in code
   * does not say, it copies all, because code may do anything. An empty list says that it touches none that is there.
   */
  readonly touches?: readonly string[];
  /** Tables that may lose rows. */
  readonly mayLoseRows?: readonly string[];
  /** Tables, `table.column`s, indexes, views, triggers and checks (`table.check`) that may go. */
  readonly mayDrop?: readonly string[];
  /** `table.column`s whose values may become NULL. */
  readonly mayNull?: readonly string[];
}

/** Code, or statements of a script. */
export type StepWork = ((handle: StepHandle) => unknown) | readonly ScriptStatement[];

/** The body of a step. */
export interface StepDefinition {
  readonly apply: StepWork;
  /** Undoes it; without one `down` refuses with `no-revert`. */
  readonly revert?: StepWork;
  /** Losses that are meant. What is not declared is refused before the commit, with `guard-refused`. */
  readonly declares?: Declarations;
  /** What the revert may do besides what `declares` says. */
  readonly revertDeclares?: Declarations;
  /** `none` runs the step outside a transaction; it then has only the lower rungs of the rollback ladder. */
  readonly transaction?: 'own' | 'none';
  /** The same for the revert, where it is not as the apply. */
  readonly revertTransaction?: 'own' | 'none';
  /**
   * On SQLite `on` lets cascades fire while the step runs; `off` (the default) keeps table rebuilds from firing them.
   * PostgreSQL always enforces its foreign keys.
   */
  readonly foreignKeys?: 'on' | 'off';
  /**
   * For a step without a transaction: is it done? Asked before it begins and after a crash. Yes: `true`, or rows (what
   * the driver gives for a SELECT) of which the first has only true values; no row is a no.
   */
  readonly isDone?: (handle: StepHandle) => unknown;
  /** The step's own check after it was applied: throw, or return false, to have it rolled back. */
  readonly validate?: (handle: StepHandle) => unknown;
  /** How long the step may take, in milliseconds. Default: 15 minutes. */
  readonly timeoutMs?: number;
  /** Namespace with its own chain of steps. Default: `main`. */
  readonly component?: string;
  /** Identifies the content of a step written in code, whose source text builds may change. */
  readonly revision?: string;
}

/** The members of a definition: what is misspelt would silently allow nothing, or do nothing. */
export const STEP_MEMBERS: ReadonlySet<string> = new Set([
  'apply',
  'revert',
  'declares',
  'revertDeclares',
  'transaction',
  'revertTransaction',
  'foreignKeys',
  'isDone',
  'validate',
  'timeoutMs',
  'component',
  'revision',
] satisfies readonly (keyof StepDefinition)[]);
const DECLARABLE: ReadonlySet<string> = new Set([
  'touches',
  'mayLoseRows',
  'mayDrop',
  'mayNull',
] satisfies readonly (keyof Declarations)[]);

export const DEFAULT_STEP_TIMEOUT_MS = 15 * 60_000;

/**
 * How a step states its declarations: as comments of an SQL file, as a member of its object, or as an export beside
 * knex-style `up` and `down`, of an ES module or in CommonJS.
 */
export type StepLanguage = 'sql' | 'code' | 'esm-exports' | 'cjs-exports';

/** Where a step comes from, for messages: a path relative to the working directory, or undefined for code. */
export interface StepOrigin {
  readonly file?: string;
  readonly downFile?: string;
  readonly checksum?: string;
  readonly language: StepLanguage;
}

/**
 * One step of a chain.
 * @example
 * new MigrationStep(4, 'Add new column', {
 *   apply: (knex) => knex.schema.alterTable('completion_requests', (t) => t.text('new_field')),
 *   revert: (knex) => knex.schema.alterTable('completion_requests', (t) => t.dropColumn('new_field')),
 * });
 */
export class MigrationStep {
  /** Digits; compared as a number of any length. */
  readonly version: StepVersion;
  /** In a few words, for `status` and the history. */
  readonly description: string;
  /** `sha256:<hex>` of the step's content; of version, description and `revision` for a step written in code. */
  readonly checksum: string;
  /** As it was given. */
  readonly definition: StepDefinition;
  /** Its files; `{ language: 'code' }` for a step written in code. */
  readonly origin: StepOrigin;

  /** Throws a TypeError on a version that is not made of digits and on members that are not known: bugs of the caller. */
  constructor(
    version: string | number,
    description: string,
    definition: StepDefinition,
    origin: StepOrigin = { language: 'code' },
  ) {
    const parsed = parseVersion(version);
    if (parsed.isErr()) throw new TypeError(`a step's version is made of digits, not ${JSON.stringify(version)}`);
    if (definition === null || typeof definition !== 'object' || !isWork(definition.apply)) {
      throw new TypeError(`step ${version} has no apply`);
    }
    const stranger = Object.keys(definition).find((key) => !STEP_MEMBERS.has(key));
    if (stranger !== undefined) throw new TypeError(`step ${version}: \`${stranger}\` is not a member of a step`);
    const unknown = Object.keys({ ...definition.declares, ...definition.revertDeclares }).find(
      (key) => !DECLARABLE.has(key),
    );
    if (unknown !== undefined) throw new TypeError(`step ${version}: \`declares.${unknown}\` is not known`);
    this.version = parsed.value;
    this.description = description;
    this.definition = definition;
    this.origin = origin;
    this.checksum =
      origin.checksum ?? `sha256:${sha256(canonicalJson([this.version, description, definition.revision ?? null]))}`;
  }

  /** Namespace of its chain; `main` where the definition names none. */
  get component(): string {
    return this.definition.component ?? 'main';
  }

  /** Whether it runs in a transaction, which its record commits in, too. */
  isTransactional(direction: 'apply' | 'revert'): boolean {
    const { transaction, revertTransaction = transaction } = this.definition;
    return (direction === 'apply' ? transaction : revertTransaction) !== 'none';
  }

  /** Outside of a transaction: a script of which no statement takes a row away, however far it gets. */
  losesNothing(direction: 'apply' | 'revert'): boolean {
    return this.#isAll(direction, ({ losesNothing }) => losesNothing);
  }

  /** Outside of a transaction: a script that can be run again after it was interrupted anywhere. */
  isRepeatable(direction: 'apply' | 'revert'): boolean {
    return this.#isAll(direction, ({ repeatable }) => repeatable);
  }

  #isAll(direction: 'apply' | 'revert', has: (outside: OutsideTransaction) => boolean): boolean {
    const work = direction === 'apply' ? this.definition.apply : this.definition.revert;
    if (work === undefined || typeof work === 'function') return false;
    return work.every(({ outside }) => outside !== undefined && has(outside));
  }
}

const isWork = (work: unknown): boolean => typeof work === 'function' || Array.isArray(work);

/** What a revert may do: what the step declares, and what its revert declares besides. */
export function revertDeclarations({ declares = {}, revertDeclares = {} }: StepDefinition): Declarations {
  const both = (key: keyof Declarations): readonly string[] => [
    ...(declares[key] ?? []),
    ...(revertDeclares[key] ?? []),
  ];
  // Absent is not empty: who does not say what the step touches has not said that it touches nothing.
  const isSaid = (declares.touches ?? revertDeclares.touches) !== undefined;
  return {
    ...(isSaid ? { touches: both('touches') } : {}),
    mayLoseRows: both('mayLoseRows'),
    mayDrop: both('mayDrop'),
    mayNull: both('mayNull'),
  };
}

/** Gives a step file's default export its types. The file's name states version and description. */
export const defineStep = (definition: StepDefinition): StepDefinition => definition;
