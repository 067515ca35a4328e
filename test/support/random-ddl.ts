// Random statements that change a PostgreSQL schema, with a model of what is there, so that most of them can be run.
import type { Random } from './random.js';

/** Something of every kind that is read together with what it hangs on; nothing of it runs behind a statement. */
export const QUIET_SETUP = `
  CREATE TYPE pair AS (x int, y text); CREATE TYPE mood AS ENUM ('ok', 'bad'); CREATE DOMAIN positive AS int CHECK (VALUE > 0);
  CREATE TABLE t0 (id int PRIMARY KEY, c0 int, c1 text); CREATE TABLE t1 (id int PRIMARY KEY, d0 int, c2 text);
  CREATE TABLE t2 (c0 int UNIQUE, c3 text, PRIMARY KEY (c0)); CREATE TABLE heir () INHERITS (t1);
  CREATE TABLE parts (id int PRIMARY KEY, c0 int) PARTITION BY RANGE (id);
  CREATE TABLE part PARTITION OF parts FOR VALUES FROM (0) TO (10);
  CREATE VIEW joined AS SELECT * FROM t0 JOIN t1 USING (id) JOIN t2 USING (c0);
  CREATE VIEW over AS SELECT c3 FROM joined; CREATE MATERIALIZED VIEW kept AS SELECT * FROM t0 JOIN t1 USING (id) JOIN t2 USING (c0);
  ALTER TABLE t2 ENABLE ROW LEVEL SECURITY;
  CREATE POLICY own ON t2 USING (EXISTS (SELECT FROM t0 JOIN t1 USING (id) JOIN parts USING (c0)));
  CREATE SCHEMA "Other one"; CREATE TABLE "Other one"."T.x" (id int PRIMARY KEY, c0 int REFERENCES t2);
  CREATE PUBLICATION one FOR TABLE t0, parts; CREATE PUBLICATION every FOR ALL TABLES WITH (publish = 'insert'); COMMENT ON COLUMN t0.c1 IS 'one';
  ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO public;
  ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO public`;

/** What runs behind statements, some of it after having done more than the statement says. */
export const LOUD_SETUP = `${QUIET_SETUP};
  CREATE FUNCTION idle() RETURNS int LANGUAGE sql AS 'SELECT 1';
  CREATE FUNCTION says() RETURNS int LANGUAGE plpgsql AS $$ BEGIN COMMENT ON TABLE public.t0 IS 'said'; RETURN 1; END $$;
  CREATE FUNCTION gives() RETURNS int LANGUAGE plpgsql AS $$ BEGIN GRANT UPDATE ON public.t1 TO public; RETURN 1; END $$;
  CREATE FUNCTION calls() RETURNS int LANGUAGE plpgsql AS $$ BEGIN ALTER TYPE public.mood RENAME TO feeling; RETURN 1; END $$;
  CREATE FUNCTION renames() RETURNS int LANGUAGE plpgsql AS $$ BEGIN ALTER TABLE public.t0 RENAME c1 TO renamed; RETURN 1; END $$;
  CREATE FUNCTION swaps() RETURNS int LANGUAGE plpgsql AS $$ BEGIN ALTER TABLE "Other one"."T.x" DROP c0, ADD c9 int; RETURN 1; END $$;
  CREATE FUNCTION hooks() RETURNS int LANGUAGE plpgsql AS $$ BEGIN
    CREATE TRIGGER hooked BEFORE UPDATE ON public.t2 FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger(); RETURN 1; END $$;
  ALTER TABLE t0 ADD m mood; INSERT INTO t1 VALUES (1, 1, 'x');
  CREATE TRIGGER watched BEFORE UPDATE ON t1 FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()`;
/** Those of `LOUD_SETUP`. */
export const FUNCTIONS = ['idle', 'says', 'gives', 'calls', 'renames', 'swaps', 'hooks'];

export class RandomDdl {
  readonly #random: Random;
  #made = 0;
  /** Tables to which anything can be added, by their columns. */
  readonly #tables = new Map<string, string[]>([
    ['t0', ['id', 'c0', 'c1']],
    ['t1', ['id', 'd0', 'c2']],
    ['t2', ['c0', 'c3']],
    ['parts', ['id', 'c0']],
    ['"Other one"."T.x"', ['id', 'c0']],
  ]);

  readonly #functions: readonly string[];

  constructor(random: Random, functions: readonly string[]) {
    this.#random = random;
    this.#functions = functions;
  }

  /** Statements that only add. */
  adding(): string {
    return this.#some(() => this.#add());
  }

  /** Statements of any kind. */
  any(): string {
    return this.#some(() => (this.#random.next(3) === 0 ? this.#add() : this.#change()));
  }

  #some(next: () => string): string {
    return Array.from({ length: 1 + this.#random.next(4) }, next).join('; ');
  }

  #name(): string {
    this.#made += 1;
    return this.#random.next(4) === 0 ? `"Other one"."N.${this.#made}"` : `n${this.#made}`;
  }

  #table(): readonly [name: string, columns: string[]] {
    return this.#random.pick([...this.#tables]);
  }

  #add(): string {
    const [table, columns] = this.#table();
    const name = this.#name();
    const column = this.#random.pick(columns);
    // Names that others have make joins ambiguous.
    const more = this.#random.pick(['c0', 'c1', 'c2', 'c3', 'd0', `m${this.#made}`]);
    const make = (has: string[], body: string): string => {
      this.#tables.set(name, has);
      return `CREATE ${this.#random.pick(['', '', 'UNLOGGED '])}TABLE ${name} ${body}`;
    };
    const add = (type: string): string => {
      const isThere = columns.includes(more);
      if (!isThere) columns.push(more);
      return `ALTER TABLE ${table} ADD COLUMN ${isThere ? 'IF NOT EXISTS ' : ''}${more} ${type}`;
    };
    return this.#random.pick([
      () => make(['id', 'c1'], '(id serial PRIMARY KEY, c1 text UNIQUE, CHECK (id > 0))'),
      () =>
        make(
          ['id', 'c0'],
          '(id int GENERATED ALWAYS AS IDENTITY, c0 int REFERENCES t2 ON DELETE CASCADE, m mood, p positive)',
        ),
      () => make(['id', 'c0'], '(id int, c0 int, FOREIGN KEY (id) REFERENCES t0, EXCLUDE USING btree (id WITH =))'),
      () => `CREATE TABLE ${name} OF pair`,
      () => `CREATE TABLE ${name} (LIKE t0 INCLUDING ALL)`,
      () => `CREATE TABLE ${name} (id int, at int) PARTITION BY LIST (at)`,
      () => `CREATE TABLE IF NOT EXISTS ${table} (id int)`,
      () => add('int'),
      () => add(`text DEFAULT 'x'`),
      () => add('bigint NOT NULL DEFAULT 7'),
      () => `CREATE INDEX ON ${table} (${column})`,
      () => `CREATE INDEX IF NOT EXISTS i${this.#random.next(5)} ON ${table} (${column})`,
      () =>
        table === 'parts'
          ? add('int')
          : `CREATE UNIQUE INDEX i_${this.#made} ON ${table} (${column}, (${column} IS NULL)) WHERE ${column} IS NOT NULL`,
      () => `CREATE VIEW ${name} AS SELECT * FROM ${table}`,
      () => `CREATE SEQUENCE ${name}`,
      () => `CREATE TYPE ${name} AS ENUM ('a')`,
      () => `INSERT INTO t0 (id, c0) VALUES (${this.#made}, 1)`,
    ])();
  }

  #change(): string {
    const [table, columns] = this.#table();
    const called = this.#functions.length === 0 ? '1' : `${this.#random.pick(this.#functions)}()`;
    const column = this.#random.pick(columns);
    const made = (this.#made += 1);
    return this.#random.pick([
      `ALTER TABLE ${table} RENAME ${column} TO r${made}; ALTER TABLE ${table} RENAME r${made} TO ${column}`,
      `ALTER TABLE ${table} ALTER ${column} SET DEFAULT NULL, ALTER ${column} SET STATISTICS 5`,
      `ALTER TABLE ${table} ADD gone${made} int; ALTER TABLE ${table} DROP gone${made}`,
      `ALTER TABLE t1 DROP IF EXISTS c0; ALTER TABLE t1 DROP IF EXISTS c3`,
      `ALTER TABLE parts ADD UNIQUE (id, c0)`,
      `CREATE TABLE part${made} PARTITION OF parts FOR VALUES FROM (${made}00) TO (${made}50)`,
      `ALTER TABLE parts DETACH PARTITION part; ALTER TABLE parts ATTACH PARTITION part FOR VALUES FROM (0) TO (10)`,
      `SAVEPOINT s; DROP TABLE t0 CASCADE; ROLLBACK TO s; ALTER TABLE t0 ADD s${made} int`,
      `SAVEPOINT s; ALTER TABLE t1 ADD s${made} int; RELEASE s`,
      `UPDATE pg_attribute SET attstorage = 'p', attstattarget = 3 WHERE attrelid = 't0'::regclass AND attname = 'c1'`,
      `UPDATE pg_enum SET enumlabel = 'label${made}' WHERE enumlabel = 'bad' OR enumlabel LIKE 'label%'`,
      `COMMENT ON TABLE ${table} IS '${made}'; GRANT INSERT (${column}) ON ${table} TO public`,
      `DROP VIEW over; CREATE VIEW over AS SELECT ${made} AS n FROM joined`,
      `CREATE TABLE as${made} AS SELECT ${called} AS n`,
      `CREATE RULE r${made} AS ON DELETE TO t1 DO ALSO SELECT id FROM t0 JOIN t1 USING (id) JOIN t2 USING (c0)`,
      `SELECT ${called}`,
      `UPDATE t1 SET d0 = ${called}`,
      `DO $$ BEGIN PERFORM ${called}; END $$`,
      `INSERT INTO t0 (id, c0) SELECT ${made}, ${called}`,
      `TRUNCATE heir`,
      `DROP TABLE IF EXISTS heir CASCADE; CREATE TABLE heir () INHERITS (t1)`,
      `ALTER TYPE pair ADD ATTRIBUTE z${made} int CASCADE`,
    ]);
  }
}
