// What has to be read again of a PostgreSQL schema within a transaction that changed it: the statement of `query.ts`, asked of less.
import { OTHERS, RELATIONS, schemaOf } from './query.js';

const YOUNG = 'age(xmin) <= (SELECT age(pg_current_xact_id()::xid))';
/** What is granted on a column alone. */
const BY_COLUMN = `SELECT attrelid FROM pg_attribute WHERE ${YOUNG}`;
/**
 * Of what was touched, with the views, and the tables whose rules and policies ask it: a column that comes or goes can make
 * others ambiguous, of which the server then writes the text anew; and with all their indexes. Few: lists of them are looked
 * up, where a join would read all.
 */
const CONCERNED = `asking AS MATERIALIZED (SELECT oid FROM touched
  UNION SELECT coalesce(w.ev_class, p.polrelid) FROM pg_depend AS d
    LEFT JOIN pg_rewrite AS w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid
    LEFT JOIN pg_policy AS p ON d.classid = 'pg_policy'::regclass AND p.oid = d.objid
    WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = ANY (ARRAY(SELECT oid FROM touched))
      AND d.classid IN ('pg_rewrite'::regclass, 'pg_policy'::regclass)),
concerned AS MATERIALIZED (SELECT oid FROM asking
  UNION SELECT indexrelid FROM pg_index WHERE indrelid = ANY (ARRAY(SELECT oid FROM asking)))`;
const NUMBERS = `(SELECT json_agg(r.oid::bigint) FROM relations AS r) AS touched`;

/**
 * The same of what was touched, and of all that is no relation: of the relations that this transaction holds on to more than
 * readers do, and of those whose rows of the catalogs it wrote. `touched` says which those were.
 */
export const TOUCHED_SCHEMA = `WITH touched AS MATERIALIZED (
  SELECT relation AS oid FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation' AND granted AND relation >= 16384
    AND mode NOT IN ('AccessShareLock', 'RowShareLock')
  UNION SELECT oid FROM pg_class WHERE ${YOUNG} UNION ${BY_COLUMN}), ${CONCERNED}, ${schemaOf(
    RELATIONS,
    'SELECT * FROM all_relations WHERE oid = ANY (ARRAY(SELECT oid FROM concerned))',
    OTHERS,
  )}, ${NUMBERS}`;

/** The last command of the transaction whose work on the catalogs has been read; unset where none was. */
export const READ_UP_TO = 'migrate_safe.read_up_to';

// A relation that is made, widened or indexed has its own row written, or its index's. A row that somebody began to change
// and went back on does not say any more which command wrote it; nor is it told of a savepoint's, or of somebody else's.
const FRESH = `
fresh AS MATERIALIZED (SELECT oid, relkind, CASE WHEN xmin = pg_current_xact_id()::xid AND xmax = '0' THEN cmin::text::bigint END AS command
  FROM pg_class WHERE ${YOUNG}),
unread AS MATERIALIZED (
  SELECT oid, relkind FROM fresh WHERE command IS NULL OR command > coalesce(nullif(current_setting('${READ_UP_TO}', true), '')::bigint, -1)),
touched AS MATERIALIZED (
  SELECT oid FROM unread UNION SELECT indrelid FROM pg_index WHERE indexrelid = ANY (ARRAY(SELECT oid FROM unread WHERE relkind IN ('i', 'I'))))`;

/** What comes and changes with a relation that is made, or gets another column or index: publications are of whole schemas too. */
const WITH_RELATIONS = [
  ...OTHERS.filter((one) => /^SELECT '(?:sequence|privileges on|publication|materialized view|rule|policy)'/.test(one)),
  // Since version 14 the body of one can be kept as what it means.
  ...OTHERS.filter((one) => one.startsWith(`SELECT 'function'`)).map(
    (one) => `${one} AND p.oid = ANY (ARRAY(SELECT d.objid FROM pg_depend AS d WHERE d.classid = 'pg_proc'::regclass
      AND d.refclassid = 'pg_class'::regclass AND d.refobjid = ANY (ARRAY(SELECT oid FROM touched))))`,
  ),
];
/**
 * The same of relations alone, in a transaction that only added: of what it has made or widened since it was read last;
 * `read` is the last command that has now been read.
 */
export const GROWN_SCHEMA = `WITH ${FRESH}, ${CONCERNED}, ${schemaOf(
  `${RELATIONS} AND c.oid = ANY (ARRAY(SELECT oid FROM concerned))`,
  'SELECT * FROM all_relations',
  WITH_RELATIONS,
)}, ${NUMBERS}, (SELECT max(command) FROM fresh) AS read`;
