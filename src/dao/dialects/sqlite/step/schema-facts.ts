// What the rows of `sqlite_schema` say to those who follow a step; each fact is made when it is first asked for.
import type { RawObject } from '../inspect/read-objects.js';
import { folded } from '../quote.js';
import { REPLACE } from './program.js';

const COUNTING = /\bautoincrement\b/i;

/** Names are folded. */
export class SchemaFacts {
  readonly #schema: readonly RawObject[];
  #tables: ReadonlySet<string> | undefined;
  #owners: ReadonlyMap<number, string> | undefined;
  #replacing: ReadonlySet<string> | undefined;

  constructor(schema: readonly RawObject[]) {
    this.#schema = schema;
  }

  get tables(): ReadonlySet<string> {
    return (this.#tables ??= new Set(this.#schema.filter((o) => o.type === 'table').map((o) => folded(o.name))));
  }

  /** Which table a b-tree belongs to, by its root page. */
  get owners(): ReadonlyMap<number, string> {
    return (this.#owners ??= new Map(
      this.#schema.filter(({ rootpage }) => rootpage > 0).map((o) => [o.rootpage, folded(o.tableName)]),
    ));
  }

  /** Tables whose own constraints replace rows: an insert into them is never only that. */
  get replacing(): ReadonlySet<string> {
    return (this.#replacing ??= new Set(
      this.#schema.filter(({ sql }) => REPLACE.test(sql ?? '')).map((o) => folded(o.tableName)),
    ));
  }

  /** An ordinary table without triggers, whose constraints replace nothing, and which keeps no count of its own elsewhere. */
  isPlain(table: string): boolean {
    const own = this.#schema.filter(({ tableName }) => folded(tableName) === table);
    return (
      own.some(({ type, rootpage }) => type === 'table' && rootpage > 0) &&
      own.every(({ type, sql }) => type !== 'trigger' && !REPLACE.test(sql ?? '') && !isCounting(type, sql))
    );
  }
}

const isCounting = (type: RawObject['type'], sql: string | null): boolean =>
  type === 'table' && COUNTING.test(sql ?? '');
