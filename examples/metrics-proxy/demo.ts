// What `npm run demo` runs: the life of a database in nine scenes, in a fresh folder. It looks for itself whether what
// it shows is true, and exits with 1 if anything is not. `--keep` leaves the folder for a look at it, and so does a failure.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { corrected, failsHalfWay, fromNothing, inUse, takenBack } from './demo/scenes-forward.js';
import { guardRefuses, killed, purgeAndRegret, toldAtTheEnd } from './demo/scenes-mishaps.js';
import { Stage } from './demo/stage.js';
import { allHold, check, title, verdict } from './demo/terminal.js';

const { values } = parseArgs({ options: { keep: { type: 'boolean', default: false } } });
const started = performance.now();
const folder = await mkdtemp(path.join(tmpdir(), 'migrate-safe-demo-'));
const stage = new Stage(folder);

title('migrate-safe', 'a metrics proxy, its SQLite database, and what can happen to them');
try {
  for (const play of [
    fromNothing,
    inUse,
    failsHalfWay,
    corrected,
    takenBack,
    guardRefuses,
    purgeAndRegret,
    killed,
    toldAtTheEnd,
  ])
    await play(stage);
} catch (thrown) {
  check('the demo goes on to its end', false, thrown instanceof Error ? thrown.message : String(thrown));
} finally {
  await stage.stop();
}
const keep = values.keep || !allHold();
if (!keep) await rm(folder, { recursive: true, force: true });
const where = keep ? `database and backups are in ${folder}` : 'the folder is gone again; --keep leaves it for a look';
process.exitCode = verdict((performance.now() - started) / 1000, where);
