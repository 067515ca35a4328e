// What the scenarios share: the server, the application's database on it, the project folder, and which rows must be there.
import { randomBytes } from 'node:crypto';
import { makeUp, rowsIn, type Contents } from '../data/contents.js';
import { differences } from '../data/tables.js';
import { Project, type Outcome } from './project.js';
import type { Login, Server } from './server.js';
import { query } from './sql.js';
import { check, countText, told } from './terminal.js';

export interface Scenario {
  readonly name: string;
  /** What the trouble is, line by line. */
  readonly problem: readonly string[];
  play(stage: Stage): Promise<void>;
}

export class Stage {
  readonly project: Project;
  /** The database's name; of the run's own, so that nothing else on the server is in the way. */
  readonly database: string;
  readonly login: Login;
  #server: Server;
  /** What the database must hold. */
  truth: Contents = makeUp();
  hasPostgis = false;

  constructor(server: Server, folder: string) {
    const run = randomBytes(3).toString('hex');
    this.#server = server;
    this.database = `celestial_signs_${run}`;
    this.login = { name: `celestial_app_${run}`, password: randomBytes(12).toString('hex') };
    this.project = new Project(folder);
  }

  get server(): Server {
    return this.#server;
  }

  /** Connection URL of the database, as the application's user. */
  get url(): string {
    return this.#server.urlOf(this.database);
  }

  /** From here on the database is on another server. */
  moveTo(server: Server): void {
    this.#server = server;
  }

  /** Runs and shows `migrate-safe …` on the application's database. */
  command(...args: readonly string[]): Promise<Outcome> {
    return this.project.command(this.url, args);
  }

  /** The empty database, and the user that it belongs to; said in one line where that cannot be one of its own. */
  async createDatabase(): Promise<void> {
    this.hasPostgis = await this.#server.offersPostgis();
    const refusal = this.hasPostgis
      ? 'PostGIS is here, which only an administrator may make again'
      : await this.#server.createUser(this.login);
    if (refusal !== undefined) told(`no user of its own for the application (${refusal}): it goes on as who you are`);
    await this.#server.createDatabase(this.database);
    if (this.hasPostgis) await query(this.url, 'CREATE EXTENSION postgis');
    else told('PostGIS is not installed here: places stay latitude and longitude');
  }

  /** A row that the application writes while nobody looks; the truth has it, too. */
  async write(table: string, row: Readonly<Record<string, unknown>>, url = this.url): Promise<void> {
    await query(
      url,
      `INSERT INTO ${table} (${Object.keys(row).join(', ')}) SELECT ${Object.keys(row).join(', ')} FROM json_populate_record(NULL::${table}, $1)`,
      [JSON.stringify(row)],
    );
    this.truth = { ...this.truth, [table]: [...(this.truth[table] ?? []), row] };
  }

  /** Compares every row of every table with what was made up. */
  async checkRows(claim: string, url = this.url, truth = this.truth): Promise<void> {
    const found = await differences(url, truth);
    const tables = Object.keys(truth).length;
    const seen =
      found.length === 0
        ? `${tables} tables, ${countText(rowsIn(truth))} rows, value by value`
        : found.map(({ table, missing, unknown }) => `${table}: ${missing} missing, ${unknown} unknown`).join('; ');
    check(claim, found.length === 0, seen);
  }

  /** What of the schema there is: for a look before and after. */
  async shape(url = this.url): Promise<string> {
    const [row] = await query<{ shape: string }>(url, SHAPE);
    return row?.shape ?? '';
  }
}

/** Tables, columns, indexes, constraints, sequences and views of the application, as one text. */
const SHAPE = `
  SELECT string_agg(line, E'\\n' ORDER BY line COLLATE "C") AS shape FROM (
    SELECT format('column %s.%s %s %s %s', table_name, column_name, data_type, is_nullable, column_default) AS line
      FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL SELECT format('index %s valid %s', pg_get_indexdef(indexrelid), indisvalid)
      FROM pg_index JOIN pg_class ON pg_class.oid = indrelid WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT format('constraint %s %s', conrelid::regclass, pg_get_constraintdef(oid))
      FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT format('trigger %s', pg_get_triggerdef(oid)) FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT format('sequence %s', sequencename) FROM pg_sequences WHERE schemaname = 'public'
    UNION ALL SELECT format('view %s %s', viewname, definition) FROM pg_views WHERE schemaname = 'public'
    UNION ALL SELECT format('extension %s', extname) FROM pg_extension) AS lines`;
