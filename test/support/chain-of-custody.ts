// An audit table as applications have it, for the suites and for the processes that append to it at once.
import { bytes, decimal, defineAppendOnlyTable, json } from 'migrate-safe/dao';
import * as z from 'zod';

export const ChainOfCustody = defineAppendOnlyTable(
  'chain_of_custody',
  {
    evidence_id: z.int(),
    action: z.enum(['received', 'examined', 'released']),
    actor: z.string(),
    weight: z.number().nullable(),
    value: decimal({ precision: 9, scale: 2 }).nullable(),
    serial: z.bigint().nullable(),
    sealed: z.boolean().default(true),
    photo: bytes().nullable(),
    details: json(z.unknown()).nullable(),
    at: z.date(),
  },
  { timestamps: { createdAt: 'at' } },
);

export const CUSTODY_SCHEMA = {
  sqlite: [
    `CREATE TABLE chain_of_custody (position INTEGER PRIMARY KEY, evidence_id INTEGER NOT NULL, action TEXT NOT NULL,
       actor TEXT NOT NULL, weight REAL, value TEXT, serial INTEGER, sealed INTEGER NOT NULL, photo BLOB, details TEXT,
       at TEXT NOT NULL, previous_hash TEXT NOT NULL, hash TEXT NOT NULL)`,
  ],
  postgres: [
    `CREATE TABLE chain_of_custody (position bigint PRIMARY KEY, evidence_id int NOT NULL, action text NOT NULL,
       actor text NOT NULL, weight float8, value numeric(9,2), serial bigint, sealed boolean NOT NULL, photo bytea,
       details jsonb, at timestamptz NOT NULL, previous_hash text NOT NULL, hash text NOT NULL)`,
  ],
} as const;
