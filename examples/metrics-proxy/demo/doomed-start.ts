// A start of the service that does not survive: run as a child process, it stops in the middle of step 0006 and waits to be killed.
import { startService } from '../service.js';
import { withLatency } from './releases.js';

const [database = '', backups = ''] = process.argv.slice(2);

// Without its parent nobody would kill it.
process.on('disconnect', () => process.exit(1));

const started = await startService({
  database,
  backups,
  release: withLatency(async (rated) => {
    if (rated < 50_000) return;
    process.send?.({ rated });
    await new Promise(() => undefined);
  }),
});
// Reached only if the step came to an end, one way or the other.
process.exit(started.isOk() ? 0 : started.error.exitCode);
