// The table of people, as DAOs declare it.
import { defineTable } from 'migrate-safe/dao';
import * as z from 'zod';

const SHAPE = { id: z.int(), name: z.string(), age: z.int(), score: z.number(), active: z.boolean(), city: z.string() };
const OPTIONS = { primaryKey: 'id', defaults: ['id'] } as const;
export const People = defineTable('people', SHAPE, OPTIONS);
export const TrustedPeople = defineTable('people', SHAPE, { ...OPTIONS, reads: 'trusted' });
