// What `npm run demo:postgres` runs: every scenario, one after the other, on one database. It looks for itself whether what
// it shows is true, and exits with 1 if anything is not. `--keep` leaves the folder for a look at it, and so does a failure.
import { parseArgs } from 'node:util';
import { completeDatabaseLoss } from './scenarios/complete-database-loss.js';
import { dailyBackups } from './scenarios/daily-backups.js';
import { dataCorruption } from './scenarios/data-corruption.js';
import { failedMigration } from './scenarios/failed-migration.js';
import { pointInTime } from './scenarios/point-in-time.js';
import { regrettedMigration } from './scenarios/regretted-migration.js';
import { seedDataImport } from './scenarios/seed-data-import.js';
import { troubleshooting } from './scenarios/troubleshooting.js';
import { perform } from './stage/perform.js';

const { values } = parseArgs({ options: { keep: { type: 'boolean', default: false } } });
process.exitCode = await perform(
  [
    dailyBackups,
    dataCorruption,
    regrettedMigration,
    failedMigration,
    seedDataImport,
    pointInTime,
    completeDatabaseLoss,
    troubleshooting,
  ],
  values,
);
