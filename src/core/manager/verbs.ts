// All that a start with nothing to do has no use for: loaded when the first of it is asked for.
export { audit } from './audit.js';
export { readEvents, readPlan, readStatus } from './inspect-state.js';
export { withKnownBackups } from './preflight.js';
export { restoreAsCopy } from './restore-as-copy.js';
export { runCheck } from './run-check.js';
export { createBackup, listBackups } from './run-backup.js';
export { runDown } from './run-down.js';
export { runPending } from './run-pending.js';
export { runRestore } from './run-restore.js';
export { runStamp } from './run-stamp.js';
