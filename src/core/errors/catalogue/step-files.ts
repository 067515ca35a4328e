// The words for step files and registered steps.
import type { StepFileFacts } from '../facts.js';
import type { Words } from './entry.js';

export const STEP_FILES: Words<StepFileFacts> = {
  'steps-missing': {
    code: 'MS-STEPS-MISSING',
    exit: 2,
    message: (f) => `there is no directory of steps at ${f.directory}`,
    hint: () => 'Make the first step with `migrate-safe new <name>`, or name the directory with --steps.',
  },
  'step-file-name': {
    code: 'MS-STEP-NAME',
    exit: 2,
    message: (f) => `${f.file}: ${f.reason}`,
    hint: () =>
      'Name steps like 0001_create_users.up.sql, 0001_create_users.down.sql, 0001_create_users.sql or 0001_create_users.ts.',
  },
  'step-file-encoding': {
    code: 'MS-STEP-ENCODING',
    exit: 2,
    message: (f) => `${f.file} is not UTF-8`,
    hint: (f) =>
      `Save it as UTF-8. If it was written in Latin-1: iconv -f ISO-8859-1 -t UTF-8 ${f.file} > utf8.sql   (or -f UTF-16), look at the result, and put it in its place. Nothing was run.`,
  },
  'step-empty': {
    code: 'MS-STEP-EMPTY',
    exit: 2,
    message: (f) => `${f.file} has no statement`,
    hint: () => 'Write the step, or remove the file.',
  },
  'step-directive': {
    code: 'MS-STEP-DIRECTIVE',
    exit: 2,
    message: (f) => `${f.file}:${f.line}: ${f.reason}: ${f.text}`,
    hint: () =>
      'Directives are: no-transaction, foreign-keys on, touches table=…, may-lose-rows table=…, may-drop table=… | column=t.c | index=… | view=… | trigger=… | check=t.c, may-null column=t.c, done-when SELECT …',
  },
  'step-script': {
    code: 'MS-STEP-SCRIPT',
    exit: 2,
    message: (f) => `${f.file}:${f.line}: ${f.reason}`,
    hint: (f) =>
      f.advice ??
      (f.keyword === undefined
        ? f.reason.includes('NUL')
          ? 'Take it out. A file full of them was saved as UTF-16: save it as UTF-8.'
          : 'Close it; the line is where it was opened.'
        : 'A step is one transaction, and the engine holds it: take the keyword out, or split the file into two steps. A step that cannot run in a transaction says so at its top: -- migrate-safe: no-transaction'),
  },
  'step-load': {
    code: 'MS-STEP-LOAD',
    exit: 2,
    message: (f) => `${f.file} could not be loaded: ${f.reason}`,
    hint: (f) => `Correct ${f.file}; nothing was run.`,
  },
  'step-shape': {
    code: 'MS-STEP-SHAPE',
    exit: 2,
    message: (f) => `${f.file}: ${f.reason}`,
    hint: () => 'Export `default defineStep({ apply, revert })`, or knex-style `up` and `down`.',
  },
  'duplicate-version': {
    code: 'MS-STEP-DUPLICATE',
    exit: 2,
    message: (f) => `version ${f.version} is claimed more than once: ${f.files.join(', ')}`,
    hint: () => 'Renumber the one that is not applied yet. Versions are compared as numbers: 2 and 0002 are the same.',
  },
};
