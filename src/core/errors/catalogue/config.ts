// The words for configuration and usage.
import type { ConfigFacts } from '../facts.js';
import type { Words } from './entry.js';
import { list } from './words.js';

export const CONFIG: Words<ConfigFacts> = {
  'config-invalid': {
    code: 'MS-CONFIG',
    exit: 2,
    message: (f) => `${f.where} is not valid: ${f.issues.join('; ')}`,
    hint: () => 'Correct it; `migrate-safe --help` lists what each setting takes.',
  },
  'config-unreadable': {
    code: 'MS-CONFIG-FILE',
    exit: 2,
    message: (f) => `${f.file} could not be loaded: ${f.reason}`,
    hint: (f) => `Correct ${f.file}, or name another one with --config.`,
  },
  'contract-unreadable': {
    code: 'MS-CONTRACT-FILE',
    exit: 2,
    message: (f) => `what the program declares could not be read from ${f.file}: ${f.reason}`,
    hint: () =>
      'Name a module that exports tables, DAOs or named queries: --contract src/tables.ts   or `contract` in the configuration. Nothing was changed.',
  },
  usage: {
    code: 'MS-USAGE',
    exit: 2,
    message: (f) => f.reason,
    hint: (f) => f.suggestion ?? 'See `migrate-safe --help`.',
  },
  'unknown-version': {
    code: 'MS-VERSION-UNKNOWN',
    exit: 2,
    message: (f) => (f.of === undefined ? `there is no step ${f.version}` : `step ${f.version} is not applied`),
    hint: (f) =>
      f.of !== undefined
        ? f.known.length > 0
          ? `Applied steps: ${list(f.known)}. \`migrate-safe status\` shows the others.`
          : 'No step is applied: see `migrate-safe status`.'
        : f.known.length > 0
          ? `Known steps: ${list(f.known)}.`
          : 'There are no steps; make one with `migrate-safe new <name>`.',
  },
  'database-missing': {
    code: 'MS-DB-MISSING',
    exit: 2,
    message: (f) => `there is no database at ${f.database}`,
    hint: () => '`migrate-safe up` creates it; or name another one with --database.',
  },
  'database-is-directory': {
    code: 'MS-DB-DIRECTORY',
    exit: 2,
    message: (f) => `${f.database} is a directory, not a database`,
    hint: (f) => `Name a file, for example --database sqlite:${f.database}/app.db`,
  },
  'database-absent': {
    code: 'MS-DB-ABSENT',
    exit: 2,
    message: (f) => `there is no database ${f.database}`,
    hint: (f) =>
      f.backups === undefined
        ? `Create it first: ${f.create}   (or name another one with --database)`
        : `${f.backups} has backups of it. Create it, and put it back: ${f.create} && migrate-safe restore --latest   (or name another one with --database)`,
  },
  'driver-missing': {
    code: 'MS-DRIVER-MISSING',
    exit: 2,
    message: (f) =>
      f.installed
        ? `the driver ${f.driver} is installed, but its binary is missing or was built for another Node.js`
        : `the driver ${f.driver} is not installed`,
    hint: (f) =>
      f.installed
        ? `Type: npm rebuild ${f.driver}   (where npm holds build scripts back, as npm 12 does, first: npm install-scripts approve ${f.driver}${orUse('; ', f.alternative)})`
        : `Type: npm install ${f.driver}${f.alternative === undefined ? '' : `   (${orUse('', f.alternative)})`}`,
  },
  'driver-conflict': {
    code: 'MS-DRIVER-CONFLICT',
    exit: 2,
    message: (f) =>
      `this process has already loaded ${f.loaded}; opening the same file with ${f.driver} as well would drop its locks and lose rows`,
    hint: (f) =>
      `Pass the application's own knex instance as \`database\`, or choose the driver: sqlite:app.db?driver=${f.loaded}`,
  },
  'driver-unsupported': {
    code: 'MS-DRIVER-UNSUPPORTED',
    exit: 2,
    message: (f) => `the driver ${f.driver} cannot be used: ${f.reason}`,
    hint: () => 'Type: npm install better-sqlite3@12   (or npm install sqlite3, or use a newer Node.js)',
  },
};

const orUse = (separator: string, driver: string | undefined): string =>
  driver === undefined
    ? ''
    : `${separator}or use the other driver: npm install ${driver}, and ?driver=${driver} in the database URL`;
