// Plays scenarios on a stage of their own, and takes it down afterwards, whatever happens.
import { realpathSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { deployment } from './deployment.js';
import { findServer } from './server.js';
import { Stage, type Scenario } from './stage.js';
import { allHold, check, scenario, title, told, verdict } from './terminal.js';

const NO_SERVER = `There is no PostgreSQL here. Install it (apt-get install postgresql, brew install postgresql),
or name a server: DATABASE_URL=postgres://user:password@host/postgres. It gets a database of its own, which goes again.`;

/** Each begins on a deployed database, and leaves one. Gives back the exit code. */
export async function perform(
  scenarios: readonly Scenario[],
  options: { readonly keep?: boolean } = {},
): Promise<number> {
  const started = performance.now();
  let interrupted = false;
  const finding = findServer();
  // A server that is still being made is waited for, and then taken down.
  let leave = (): Promise<void> => finding.then((found) => found?.leave());
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      interrupted = true;
      void leave().finally(() => process.exit(130));
    });
  const server = await finding;
  if (server === undefined) {
    process.stderr.write(`${NO_SERVER}\n`);
    return 2;
  }
  const folder = await mkdtemp(path.join(tmpdir(), 'celestial-signs-'));
  const stage = new Stage(server, folder);
  const keep = (): boolean => options.keep === true || (!interrupted && !allHold());
  let left: Promise<void> | undefined;
  leave = (): Promise<void> => (left ??= takeDown());
  const takeDown = async (): Promise<void> => {
    await stage.server.leave();
    if (stage.server !== server) await server.leave();
    if (!keep()) await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  };

  title('celestial-signs', 'fifteen tables on PostgreSQL, and how they come back when they are lost');
  try {
    told(
      `PostgreSQL ${await server.version()}, ${server.ownPort !== undefined ? 'a server for as long as this runs' : 'the server that the environment names'}`,
    );
    for (const one of [deployment, ...scenarios]) {
      const ended = await played(one, stage);
      if (!ended && one === deployment) break;
    }
  } finally {
    await leave();
  }
  const where = keep()
    ? `steps and backups are in ${folder}`
    : 'database and folder are gone again; --keep leaves the folder';
  return verdict((performance.now() - started) / 1000, where);
}

/** What one scenario throws does not keep the others from being played. */
async function played({ name, problem, play }: Scenario, stage: Stage): Promise<boolean> {
  scenario(name, ...problem);
  try {
    await play(stage);
    return true;
  } catch (thrown) {
    check(`${name} goes on to its end`, false, thrown instanceof Error ? thrown.message : String(thrown));
    return false;
  }
}

/** Plays one scenario where its file is what Node.js was started with. */
export async function performIfMain(url: string, one: Scenario): Promise<void> {
  const [, main = ''] = process.argv;
  if (main === '' || pathToFileURL(realpathSync(main)).href !== url) return;
  process.exitCode = await perform([one], { keep: process.argv.includes('--keep') });
}
