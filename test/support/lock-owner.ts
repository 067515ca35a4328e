// Who takes a run lock in a test.
import type { LockOwner } from '#src/core/ports/run-lock.js';

export const owner = (doing: string): LockOwner => ({
  pid: process.pid,
  host: 'here',
  since: new Date().toISOString(),
  runId: 'r1',
  doing,
});
