// Which run lock a server is given.
import type { PostgresConnection } from './connection.js';
import type { EngineLock } from './engine-lock.js';
import { LeaseLock } from './lease-lock.js';
import { PostgresLock } from './postgres-lock.js';

/** An advisory lock is the session's; behind a pooler, and where such locks are none, a row takes its place. */
export const lockFor = (work: PostgresConnection, label: string): EngineLock =>
  isAdvisory(work) ? new PostgresLock(work, label) : new LeaseLock(work, label);

export const isAdvisory = (work: PostgresConnection): boolean => !work.isPooled && work.server.product === 'postgresql';
