// Which run lock a server is given.
import type { PostgresConnection } from './connection.js';
import type { EngineLock } from './engine-lock.js';
import { LeaseLock } from './lease-lock.js';
import { PostgresLock } from './postgres-lock.js';

/** An advisory lock is the session's; behind a pooler, and where such locks are none, a row takes its place. */
export const lockFor = (work: PostgresConnection, label: string): EngineLock =>
  work.isPooled || work.server.product !== 'postgresql' ? new LeaseLock(work, label) : new PostgresLock(work, label);
