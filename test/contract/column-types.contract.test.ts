// What `check` says of a column's type, and what the database does: a kind that is let pass comes back as it was written.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { createMigrateSafe } from 'migrate-safe';
import { bytes, Dao, decimal, defineTable, json, type AnyTable } from 'migrate-safe/dao';
import * as z from 'zod';
import { ENGINES, type Dialect, type Opened } from '../support/app-databases.js';
import { value } from '../support/project.js';

const KINDS = {
  text: z.string(),
  integer: z.int(),
  real: z.number(),
  boolean: z.boolean(),
  bigint: z.bigint(),
  instant: z.date(),
  decimal: decimal({ precision: 10, scale: 3 }),
  bytes: bytes(),
  json: json(z.unknown()),
} as const;
type Kind = keyof typeof KINDS;

/** What is easily changed on the way: zeros in front and at the end, and what looks like another kind. */
const SAMPLES: Readonly<Record<Kind, readonly unknown[]>> = {
  text: ['abc', '007', '1.50', 'true', ''],
  integer: [0, 1, -7, 12_345],
  real: [1.5, -0.25, 3],
  boolean: [true, false],
  bigint: [0n, 7n, -12_345n],
  instant: [new Date('2026-01-31T23:59:59.123Z'), new Date('1969-07-20T20:17:40.000Z')],
  decimal: ['1.500', '-0.125', '7.000'],
  bytes: [new Uint8Array([0, 255, 39]), new Uint8Array([49, 50])],
  json: [{ a: [1, 'x'] }, [1.5], 'text', 7],
};
/** Texts that types of their own take; what they make of other texts is their business. */
const TEXTS: Readonly<Record<string, readonly string[]>> = {
  uuid: ['0b8f5c1e-8d5f-4c33-9a57-1f6f3a2b9c10'],
  date: ['2026-01-31'],
  interval: ['01:30:00'],
  inet: ['10.0.0.1'],
  'text[]': ['{a,b}'],
  timestamptz: ['2026-01-31 12:00:00+00'],
  timestamp: ['2026-01-31 12:00:00'],
  'char(5)': ['abcde'],
  'varchar(50)': ['abcde'],
  colour: ['red'],
  DATE: ['2026-01-31'],
  DATETIME: ['2026-01-31 12:00:00'],
  UUID: ['0b8f5c1e-8d5f-4c33-9a57-1f6f3a2b9c10'],
  ANY: ['abc'],
  JSON: ['abc'],
};

const TYPES: Readonly<Record<Dialect, readonly string[]>> = {
  sqlite:
    '|ANY|TEXT|VARCHAR(20)|CLOB|INTEGER|BIGINT|REAL|DOUBLE PRECISION|NUMERIC|DECIMAL(10,3)|BOOLEAN|BLOB|DATE|DATETIME|JSON|UUID'.split(
      '|',
    ),
  postgres:
    `text|varchar(50)|char(5)|smallint|int|bigint|real|float8|numeric|numeric(12,3)|numeric(12,2)|numeric(10)|boolean|bytea|timestamptz|timestamp|date|uuid|json|jsonb|interval|inet|text[]|colour`.split(
      '|',
    ),
};

interface Case {
  readonly kind: Kind;
  readonly type: string;
  readonly table: AnyTable;
}
const cases = (dialect: Dialect): readonly Case[] =>
  TYPES[dialect].flatMap((type, at) =>
    (Object.keys(KINDS) as Kind[]).map((kind): Case => ({
      kind,
      type,
      table: defineTable(`${kind}_${at}`, { id: z.int(), it: KINDS[kind] as z.ZodType }, { primaryKey: 'id' }),
    })),
  );
const samples = ({ kind, type }: Case): readonly unknown[] =>
  kind === 'text' ? (TEXTS[type] ?? SAMPLES.text) : SAMPLES[kind];

/** Whether every sample is written, found by its value, and read as it was. */
async function comesBack({ database }: Opened, one: Case): Promise<boolean> {
  const dao = new Dao(database, one.table);
  let id = 0;
  for (const sample of samples(one)) {
    id += 1;
    const inserted = await dao.insert({ id, it: sample });
    if (inserted.isErr()) return false;
    const read = await dao.get(id);
    if (read.isErr() || !isSame((read.value as Record<string, unknown>)['it'], sample)) return false;
  }
  return true;
}
function isSame(read: unknown, written: unknown): boolean {
  try {
    expect(read).to.deep.equal(written);
    return true;
  } catch {
    return false;
  }
}

for (const engine of ENGINES)
  describe(`what a column's type holds on ${engine.name}`, () => {
    let opened: Opened;
    let backups: string;
    before(async function () {
      const all = cases(engine.dialect);
      const tables = all.map(
        ({ table, type }) => `CREATE TABLE ${table.name} (id INT PRIMARY KEY, it ${type} NOT NULL)`,
      );
      opened = await engine.open(this, {
        sqlite: tables,
        postgres: [`CREATE TYPE colour AS ENUM ('red')`, ...tables],
      });
      // One file and one pool: nothing here has to outlive a power cut.
      if (engine.dialect === 'sqlite') await opened.sql('PRAGMA synchronous = OFF');
      backups = mkdtempSync(path.join(tmpdir(), 'migrate-safe-types-'));
    });
    after(async () => {
      rmSync(backups, { recursive: true, force: true });
      await opened?.remove();
    });

    it('is let pass only where what is written comes back, and refused only where it does not', async () => {
      const all = cases(engine.dialect);
      const safe = createMigrateSafe({ database: opened.url, backups, contract: all.map(({ table }) => table) });
      const { findings } = value(await safe.check());
      value(await safe.close());
      expect(findings.filter(({ problem }) => problem !== 'wrong-type')).to.deep.equal([]);
      const refused = new Set(findings.map((finding) => ('table' in finding ? finding.table : '')));
      const lost: string[] = [];
      const kept: string[] = [];
      for (const one of all) {
        const whole = await comesBack(opened, one);
        const said = `${one.kind} in ${one.type || '(none)'}`;
        if (!whole && !refused.has(one.table.name)) lost.push(said);
        if (whole && refused.has(one.table.name)) kept.push(said);
      }
      expect(lost).to.deep.equal([]);
      expect(kept).to.deep.equal(REFUSED_ALL_THE_SAME[engine.dialect]);
    });
  });

const of = (kinds: readonly Kind[], types: readonly string[]): readonly string[] =>
  types.flatMap((type) => kinds.map((kind) => `${kind} in ${type}`));
/**
 * SQLite takes any value in any column of a table that is not STRICT, and to PostgreSQL values travel as texts. What is
 * refused all the same does not compare or sort as its kind does, is rounded where it is large, or says the opposite of
 * what the column says.
 */
const REFUSED_ALL_THE_SAME: Readonly<Record<Dialect, readonly string[]>> = {
  sqlite: [
    ...of(['bigint', 'bytes'], ['TEXT', 'VARCHAR(20)', 'CLOB']),
    ...of(
      ['instant', 'bytes', 'json'],
      ['INTEGER', 'BIGINT', 'REAL', 'DOUBLE PRECISION', 'NUMERIC', 'DECIMAL(10,3)', 'BOOLEAN'],
    ),
    ...of(['text', 'integer', 'real', 'boolean', 'bigint', 'instant', 'decimal'], ['BLOB']),
  ],
  postgres: [
    ...of(['integer', 'real', 'bigint', 'instant', 'decimal'], ['text', 'varchar(50)']),
    ...of(['integer', 'real'], ['char(5)']),
    ...of(['integer', 'bigint'], ['real']),
    ...of(['bigint'], ['float8']),
    ...of(['integer', 'real', 'bigint', 'decimal'], ['json', 'jsonb']),
  ],
};
