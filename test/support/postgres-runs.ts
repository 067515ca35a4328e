// Runs of steps on PostgreSQL databases of their own, and what they say and keep: for comparing a run of many with many of one.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createMigrateSafe, type MigrateSafeOptions, type SafeMigrationManager } from 'migrate-safe';
import pg from 'pg';
import { freshDatabase, type TestDatabase } from './postgres.js';
import { value } from './project.js';

/** A script, or the source of a module. */
export type Step = string | { readonly code: string };

/** What came of a step: what was copied before it, with the rows, and what it did; or why it did not go through. */
export interface Told {
  readonly step: number;
  readonly copies: readonly string[];
  readonly effects?: unknown;
  readonly failed?: string;
}

/** Locks are held for as long as they are, and by each step of a shared commit. */
const plain = (effects: unknown): unknown =>
  JSON.parse(JSON.stringify(effects, (key, one: unknown) => (key === 'locks' ? undefined : one)));

export class RunPlace {
  readonly #directory = mkdtempSync(path.join(tmpdir(), 'migrate-safe-runs-'));
  readonly #db: TestDatabase;
  readonly #managers: SafeMigrationManager[] = [];
  /** Somebody else's. */
  readonly client: pg.Client;

  private constructor(db: TestDatabase) {
    this.#db = db;
    this.client = new pg.Client({ connectionString: db.url });
    mkdirSync(path.join(this.#directory, 'steps'));
  }

  /** With `setup` as its first step, which is applied. */
  static async make(test: Mocha.Context, setup: string): Promise<RunPlace> {
    const place = new RunPlace(await freshDatabase(test));
    await place.client.connect();
    place.write([setup], 1);
    const safe = place.manager();
    value(await safe.up());
    return place;
  }

  manager(options: Partial<MigrateSafeOptions> = {}): SafeMigrationManager {
    const steps = path.join(this.#directory, 'steps');
    const backups = path.join(this.#directory, 'backups');
    const safe = createMigrateSafe({ database: this.#db.url, steps, backups, fileBackup: 'never', ...options });
    this.#managers.push(safe);
    return safe;
  }

  write(steps: readonly Step[], from = 2): void {
    for (const [at, step] of steps.entries()) {
      const name = path.join(this.#directory, 'steps', `${String(at + from).padStart(4, '0')}_step`);
      if (typeof step === 'string') writeFileSync(`${name}.up.sql`, step);
      else writeFileSync(`${name}.mjs`, step.code);
    }
  }

  revert(version: string, sql: string): void {
    writeFileSync(path.join(this.#directory, 'steps', `${version}_step.down.sql`), sql);
  }

  async rows(sql: string): Promise<readonly object[]> {
    return (await this.client.query<object>(sql)).rows;
  }

  /** Those steps that were applied last under their versions, from `since` on. */
  async up(safe: SafeMigrationManager, since = '0002', to?: string): Promise<Told[]> {
    const outcome = await safe.up(to === undefined ? {} : { to });
    const told: Told[] = [];
    for (const { type, data } of value(await safe.history())) {
      const version = String(data['version']);
      if (type === 'StepApplied' && version >= since)
        told.push({ step: Number(version), copies: await this.#copies(version), effects: plain(data['effects']) });
    }
    if (outcome.isErr()) told.push({ step: -1, copies: [], failed: outcome.error.message });
    return told;
  }

  /** Tables without rows are left out: steps that only add do without copies where they share a commit. */
  async #copies(version: string): Promise<readonly string[]> {
    const [there] = await this.rows(`SELECT to_regclass('migrate_safe_backup.tables') IS NOT NULL AS it`);
    if (!Object.values(there ?? {}).includes(true)) return [];
    const found = await this.client.query<{ one: string }>(
      `SELECT DISTINCT table_name || ' ' || row_count AS one FROM migrate_safe_backup.tables AS t
       JOIN migrate_safe_backup.backups AS b ON b.id = t.backup_id WHERE b.version = $1 AND row_count > 0 ORDER BY 1`,
      [version],
    );
    return found.rows.map(({ one }) => one);
  }

  async close(): Promise<void> {
    for (const one of this.#managers) value(await one.close());
    await this.client.end();
    await this.#db.drop();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
