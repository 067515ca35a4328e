// What is there behind a step that only added: asked of what it touched alone, in one statement.
import { err, ok, type Result, type ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { SchemaSnapshot } from '../../../../core/schema/snapshot.js';
import { askBehind, type Question } from '../ask-behind.js';
import type { PostgresConnection } from '../connection.js';
import { grownSchema, type TouchedRow } from '../inspect/inspector.js';
import { GROWN_SCHEMA, READ_UP_TO } from '../inspect/touched-query.js';
import { CATALOGS_FIRST } from '../settings.js';
import { LOOK_HELD, lookOf, LOOKS, type Look, type LookRow } from './look.js';
import type { Start } from './ledger.js';
import { byNumber, grownBy, isOwn, relationsOf, type Relation, type RelationRow } from './relations.js';

/** The schema and the relations of a database at one moment. */
export interface Present {
  readonly relations: ReadonlyMap<number, Relation>;
  readonly schema: SchemaSnapshot;
  /** Something of the engine's own was touched. */
  readonly touchesOwn: boolean;
  /** The last command of the transaction whose work on the catalogs is in here, where that is told. */
  readonly read?: number | undefined;
}

const GROWN = `${GROWN_SCHEMA},
  ${relationsOf('SELECT oid FROM touched')} AS relations,
  ${LOOK_HELD} AS look`;

interface GrownRow extends TouchedRow {
  readonly relations: readonly RelationRow[] | null;
  readonly look: LookRow;
  readonly read: number | null;
}

/** How a step found the database: all of its relations are there still, under their names. */
interface Found extends Omit<Start, 'look'> {
  readonly schema: SchemaSnapshot;
}

/** How the transaction stands, and what is there; as it was `found` where only rows were added. */
export interface Added {
  readonly now: Look;
  readonly present: Present;
}

/** To be sent ahead of either, behind what a step has sent: what is read is what came since. */
export const sinceThen = ({ read }: Pick<Found, 'read'>): string =>
  `SELECT pg_catalog.set_config('${READ_UP_TO}', '${read ?? ''}', true)`;

const GROWN_SINCE = { key: 'grown_schema', sql: GROWN };
const HELD = { key: 'look_framed', sql: LOOKS.held };

/** Behind `sinceThen` and `enter`, which sets the engine's own search path and says what it was. */
export const readGrown = <W extends object>(
  connection: PostgresConnection,
  enter: string,
  found: Found,
): ResultAsync<Added & { readonly way: W | undefined }, SqlError> =>
  askBehind<GrownRow, W>(connection, enter, GROWN_SINCE).andThen(({ rows: [row], before: [way] }) =>
    grown(found, row).map((added) => ({ ...added, way })),
  );

/** The same behind `settle` in one message, with the search path as it is set. */
export function readAdded(
  connection: PostgresConnection,
  settle: string,
  found: Found,
  added: 'rows' | 'relations',
): ResultAsync<Added, SqlError> {
  const framed = <R extends object>(question: Question): ResultAsync<R | undefined, SqlError> =>
    askBehind<R>(connection, `${settle}; ${sinceThen(found)}; ${OWN_PATH}`, question, PATH_AS_IT_WAS).map(
      ({ rows: [row] }) => row,
    );
  if (added === 'rows')
    return framed<LookRow>(HELD).map((row) => ({
      now: lookOf(row, 'held'),
      present: { ...found, touchesOwn: false },
    }));
  return framed<GrownRow>(GROWN_SINCE).andThen((row) => grown(found, row));
}
const OWN_PATH = `SELECT pg_catalog.set_config('migrate_safe.path', pg_catalog.current_setting('search_path'), true), pg_catalog.set_config('search_path', '${CATALOGS_FIRST}', true)`;
const PATH_AS_IT_WAS = `SELECT pg_catalog.set_config('search_path', pg_catalog.current_setting('migrate_safe.path'), true)`;

function grown({ schema, relations, read }: Found, row: GrownRow | undefined): Result<Added, SqlError> {
  if (row === undefined) return err(NO_ROW);
  const namesOf = (touched: ReadonlySet<number>): ReadonlySet<string> =>
    new Set([...touched].flatMap((oid) => relations.get(oid)?.name ?? []));
  const now = lookOf(row.look, 'held');
  const grown = byNumber(row.relations ?? []);
  const all = grownBy(relations, grown);
  const held = [...now.locks.keys()].flatMap((oid) => all.get(oid) ?? []);
  const present = {
    schema: grownSchema(schema, row, namesOf),
    relations: all,
    touchesOwn: [...held, ...grown.values()].some(isOwn),
    read: row.read ?? read,
  };
  return ok({ now, present });
}
const NO_ROW: SqlError = { kind: 'other', code: '', message: 'the server gave no row for a schema' };
