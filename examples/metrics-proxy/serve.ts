// Runs the service from the command line until it is told to stop: `node serve.js [--database FILE] [--backups DIR] [--port N]`.
import { parseArgs } from 'node:util';
import { startService } from './service.js';

const { values } = parseArgs({
  options: {
    database: { type: 'string', default: 'metrics.db' },
    backups: { type: 'string', default: 'backups' },
    port: { type: 'string', default: '8787' },
  },
});

const started = await startService({ file: values.database, backups: values.backups, port: Number(values.port) });
if (started.isErr()) {
  const { message, hint, exitCode } = started.error;
  console.error(`not started: ${message}\n${hint}`);
  process.exitCode = exitCode;
} else {
  const { url, migrated, stop } = started.value;
  const steps = migrated.applied.map(({ version }) => version).join(', ');
  console.log(`schema ${migrated.current ?? 'empty'}${steps === '' ? ', nothing to migrate' : `, applied ${steps}`}`);
  console.log(`listening on ${url}`);
  const end = (): void => {
    void stop().then((stopped) => {
      if (stopped.isErr()) console.error(stopped.error.message);
    });
  };
  process.once('SIGINT', end).once('SIGTERM', end);
}
