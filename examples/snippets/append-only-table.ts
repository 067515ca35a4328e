import { AppendOnlyDao, defineAppendOnlyTable, type AppDatabase } from 'migrate-safe/dao';
import * as z from 'zod';

export const ChainOfCustody = defineAppendOnlyTable(
  'chain_of_custody',
  {
    evidence: z.string(),
    action: z.enum(['received', 'examined', 'released']),
    actor: z.string(),
    corrects: z.int().nullable(),
    at: z.date(),
  },
  { timestamps: { createdAt: 'at' } },
);

export class CustodyDao extends AppendOnlyDao<typeof ChainOfCustody> {
  constructor(database: AppDatabase) {
    super(database, ChainOfCustody);
  }

  /** Without the entries that a later one corrects. */
  inForce(evidence: string) {
    return this.list({ where: { evidence }, orderBy: ['position'] }).map((rows) => {
      const corrected = new Set(rows.map(({ corrects }) => corrects));
      return rows.filter(({ position }) => !corrected.has(position));
    });
  }
}
