// Locks all tables that a restore replaces: first against writers, then against everybody, never waiting for longer than readers may stall.
import { err, ok, ResultAsync, type Result } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { PostgresConnection } from '../connection.js';
import { blockersOf, explained, watched } from '../step/blockers.js';
import { DOOMED } from './clear.js';
import type { PsqlSession } from './psql-session.js';

/** Readers queue behind a lock that waits: for no longer than this, in milliseconds. */
export const STALL_MS = 2000;
const ATTEMPTS = 8;
const MOST_PAUSE_MS = 1000;

/** Large objects lie in tables of the system's, which only a superuser may lock. */
const TABLES = `
  SELECT format('%I.%I', n.nspname, c.relname) AS name
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
  WHERE ${DOOMED} AND c.relkind IN ('r', 'p') AND NOT EXISTS (SELECT 1 FROM pg_depend AS e
    WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
  UNION ALL SELECT l.name FROM (VALUES ('pg_catalog.pg_largeobject'), ('pg_catalog.pg_largeobject_metadata')) AS l (name)
  WHERE (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
  ORDER BY 1`;
/** A number that changes with every object that somebody makes, changes or drops. */
const MARK = `
  SELECT (SELECT sum(hashtextextended(xmin::text || oid, 0)) FROM pg_class WHERE relpersistence <> 't')
       + (SELECT sum(hashtextextended(xmin::text || oid, 0)) FROM pg_proc)
       + (SELECT coalesce(sum(hashtextextended(xmin::text || oid, 0)), 0) FROM pg_trigger)
       + (SELECT sum(hashtextextended(xmin::text || oid, 0)) FROM pg_namespace WHERE nspname !~ '^pg_')`;

export type LockMode = 'SHARE ROW EXCLUSIVE' | 'ACCESS EXCLUSIVE';

export class TableLocks {
  readonly #psql: PsqlSession;
  readonly #watcher: PostgresConnection;
  readonly #processId: number;

  /** `watcher`: another connection, which sees whom `psql` waits for. */
  constructor(psql: PsqlSession, watcher: PostgresConnection, processId: number) {
    this.#psql = psql;
    this.#watcher = watcher;
    this.#processId = processId;
  }

  /** Locks every table in `mode` and does `then` in the same breath: all of it, or none of it and tried again. */
  async take(mode: LockMode, then: () => ResultAsync<readonly string[], SqlError>): Promise<Result<void, SqlError>> {
    let failure: SqlError | undefined;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const tried = await this.#attempt(mode, then);
      if (tried.isErr()) return err(tried.error);
      failure = tried.value;
      if (failure === undefined) return ok(undefined);
      if (failure.kind !== 'busy') return err(failure);
      await new Promise((resolve) => setTimeout(resolve, (0.5 + Math.random() / 2) * MOST_PAUSE_MS));
    }
    return err(failure ?? { kind: 'busy', code: '', message: '' });
  }

  /** The schema as it stands, to compare with. */
  mark(): ResultAsync<string, SqlError> {
    return this.#psql.all<{ mark: string }>(`SELECT (${MARK})::text AS mark`).map(([row]) => row?.mark ?? '');
  }

  async #attempt(
    mode: LockMode,
    then: () => ResultAsync<readonly string[], SqlError>,
  ): Promise<Result<SqlError | undefined, SqlError>> {
    const psql = this.#psql;
    const tables = await psql.all<{ name: string }>(TABLES);
    if (tables.isErr()) return err(tables.error);
    const names = tables.value.map(({ name }) => `ONLY ${name}`);
    const begun = await psql.run(`SAVEPOINT migrate_safe_locks; SET LOCAL statement_timeout = ${STALL_MS}`);
    if (begun.isErr()) return err(begun.error);
    const locked =
      names.length === 0
        ? ok(undefined)
        : await this.#watched(psql.attempt(`LOCK TABLE ${names.join(', ')} IN ${mode} MODE`));
    const done = locked.isOk() && locked.value === undefined ? await this.#all(then) : locked;
    if (done.isErr()) return err(done.error);
    const ended =
      done.value === undefined
        ? await psql.run('RELEASE SAVEPOINT migrate_safe_locks; SET LOCAL statement_timeout = 0')
        : await psql.run('ROLLBACK TO SAVEPOINT migrate_safe_locks; RELEASE SAVEPOINT migrate_safe_locks');
    return ended.map(() => done.value);
  }

  /** What follows may take its time, but waits for nobody longer than the locks did. */
  async #all(then: () => ResultAsync<readonly string[], SqlError>): Promise<Result<SqlError | undefined, SqlError>> {
    const set = await this.#psql.run(`SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = ${STALL_MS}`);
    const statements = set.isErr() ? set : await then();
    if (statements.isErr()) return err(statements.error);
    for (const statement of 'changes' in statements.value ? [] : statements.value) {
      const done = await this.#watched(this.#psql.attempt(statement));
      if (done.isErr() || done.value !== undefined) return done;
    }
    return ok(undefined);
  }

  /** Names those who are waited for, where it fails for that. */
  async #watched(work: ResultAsync<SqlError | undefined, SqlError>): Promise<Result<SqlError | undefined, SqlError>> {
    const { result, blockers } = await watched(work, () => blockersOf(this.#watcher, this.#processId));
    return result.map((failure) => failure && explained(asLockTimeout(failure), blockers));
  }
}

/** The time that all locks together may take is a statement's; what it is about is a lock all the same. */
const asLockTimeout = (error: SqlError): SqlError =>
  error.code === '57014' && error.message.includes('statement timeout')
    ? { ...error, kind: 'busy', code: '55P03', message: 'canceling statement due to lock timeout' }
    : error;
