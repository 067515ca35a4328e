// What every part of a run works with while the lock is held.
import type { OpenDatabase } from '../ports/database.js';
import type { Lease } from '../ports/run-lock.js';
import type { LoadedHistory } from './load-history.js';
import type { ManagerPorts, Policy } from './ports.js';
import type { Recorder } from './recorder.js';

export interface RunSession {
  readonly runId: string;
  readonly ports: ManagerPorts;
  readonly policy: Policy;
  readonly database: OpenDatabase;
  readonly lease: Lease | undefined;
  readonly loaded: LoadedHistory;
  readonly recorder: Recorder;
  readonly signal: AbortSignal;
}
