// Runs a server from the command line until it is told to stop:
// `node serve.js [--metrics] [--database URL] [--backups DIR] [--port N] [--upstream URL --provider NAME]`.
import { parseArgs } from 'node:util';
import { startMetrics, startService } from './service.js';

const { values } = parseArgs({
  options: {
    metrics: { type: 'boolean', default: false },
    database: { type: 'string', default: process.env['DATABASE_URL'] ?? 'sqlite:metrics.db' },
    backups: { type: 'string', default: 'backups' },
    port: { type: 'string', default: '8787' },
    upstream: { type: 'string' },
    provider: { type: 'string', default: 'openai' },
  },
});

const { database, backups, provider } = values;
const port = Number(values.port);
const upstream = values.upstream === undefined ? undefined : { provider, url: values.upstream };
const started = values.metrics
  ? (await startMetrics({ database, port })).map((server) => ({ ...server, migrated: undefined }))
  : await startService({ database, backups, port, upstream });

if (started.isErr()) {
  const { message, hint, exitCode } = started.error;
  console.error(`not started: ${message}\n${hint}`);
  process.exitCode = exitCode;
} else {
  const { url, stop, migrated } = started.value;
  if (migrated) {
    const { applied, current } = migrated;
    const steps = applied.map(({ version }) => version).join(', ');
    console.log(`schema ${current ?? 'empty'}${steps === '' ? ', nothing to migrate' : `, applied ${steps}`}`);
  }
  console.log(`listening on ${url}`);
  const end = (): void => {
    void stop().then((stopped) => {
      if (stopped.isErr()) console.error(stopped.error.message);
    });
  };
  process.once('SIGINT', end).once('SIGTERM', end);
}
