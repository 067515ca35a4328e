// How clones are called, and what they say of themselves: a database is only ours to drop if its comment says so. Pure.
import type { CloneIdentity } from '../../../../../core/ports/clones.js';

const PREFIX = 'migrate_safe_clone_';
const LABEL = 'migrate-safe clone ';

/** Unique as the id is, and of 47 bytes. */
export const cloneName = (id: string): string => `${PREFIX}${id.toLowerCase().replaceAll(/[^0-9a-z]/g, '_')}`;

/** The comment on the database. */
export const labelOf = ({ id, databaseId, createdAt, reason }: CloneIdentity): string =>
  LABEL + JSON.stringify({ id, databaseId, createdAt, reason });

/** Undefined of a comment that is none of ours. */
export function identityIn(comment: string | null): CloneIdentity | undefined {
  if (comment?.startsWith(LABEL) !== true) return undefined;
  try {
    const said = JSON.parse(comment.slice(LABEL.length)) as Partial<CloneIdentity> | null;
    const { id, databaseId, createdAt, reason } = said ?? {};
    const isWhole = [id, databaseId, createdAt, reason?.runId, reason?.kind].every((part) => typeof part === 'string');
    return isWhole ? (said as CloneIdentity) : undefined;
  } catch {
    return undefined;
  }
}

/** All that say that they are clones. */
export const LABELLED = `
  SELECT d.datname AS name, d.oid::bigint AS oid, NOT d.datallowconn AS closed, pg_catalog.pg_has_role(d.datdba, 'USAGE') AS owns, s.description AS comment,
    CASE WHEN pg_catalog.has_database_privilege(d.oid, 'CONNECT') THEN pg_catalog.pg_database_size(d.oid) END AS bytes
  FROM pg_catalog.pg_database AS d
  JOIN pg_catalog.pg_shdescription AS s ON s.objoid = d.oid AND s.classoid = 'pg_catalog.pg_database'::regclass
  WHERE pg_catalog.starts_with(s.description, '${LABEL}') ORDER BY 1`;

export interface Labelled {
  readonly name: string;
  readonly oid: number;
  /** Nobody may connect to it. */
  readonly closed: boolean;
  /** The role that asks may drop it. */
  readonly owns: boolean;
  readonly comment: string;
  /** Null where the role may not be told. */
  readonly bytes: number | null;
}
