// The words for checks that found something before anything was changed.
import type { CheckFacts } from '../facts.js';
import type { Words } from './entry.js';
import { list } from './words.js';

export const CHECKS: Words<CheckFacts> = {
  'changed-step': {
    code: 'MS-STEP-CHANGED',
    exit: 3,
    message: (f) => `${list(f.versions)} changed after being applied (${list(f.files)})`,
    hint: () =>
      'Put the file back as it was, and write what is new as a new step. Nothing was changed in the database.',
  },
  'missing-step': {
    code: 'MS-STEP-MISSING',
    exit: 3,
    message: (f) =>
      f.renamedTo === undefined
        ? `${list(f.versions)} ${f.versions.length === 1 ? 'is applied, but its file is' : 'are applied, but their files are'} gone`
        : `${list(f.versions)} ${f.versions.length === 1 ? 'is applied, but its file is' : 'are applied, but their files are'} gone; ${f.renamedTo} has the same content: was it renumbered?`,
    hint: (f) =>
      f.renamedTo === undefined
        ? 'Put the file back, from version control for example.'
        : 'Give the file its old number back.',
  },
  'out-of-order': {
    code: 'MS-STEP-ORDER',
    exit: 3,
    message: (f) => `${list(f.versions)} is new, but lies below ${f.current}, which is applied`,
    hint: () => 'Give it a higher number, or apply it late on purpose: migrate-safe up --out-of-order',
  },
  ahead: {
    code: 'MS-AHEAD',
    exit: 3,
    message: (f) => `the database has steps that this program does not know: ${list(f.versions)}`,
    hint: () => 'Deploy the version that brought them. Nothing was changed.',
  },
  pending: {
    code: 'MS-PENDING',
    exit: 3,
    message: (f) => `${f.count} ${f.count === 1 ? 'step is' : 'steps are'} pending`,
    hint: () => 'Apply with: migrate-safe up',
  },
  'contract-differs': {
    code: 'MS-CHECK-CONTRACT',
    exit: 3,
    message: (f) =>
      `${f.count} ${f.count === 1 ? 'thing' : 'things'} that the program declares would not work on this schema`,
    hint: (f) =>
      f.pending > 0
        ? `${f.pending} ${f.pending === 1 ? 'step is' : 'steps are'} pending, which may mend it: migrate-safe up`
        : 'Write a step that makes what is missing, or correct the declaration.',
  },
  'no-journal': {
    code: 'MS-NO-JOURNAL',
    exit: 3,
    message: (f) =>
      f.tool === undefined
        ? `${f.database} has ${f.tables} ${f.tables === 1 ? 'table' : 'tables'} but no journal: nobody has said which steps it already has`
        : `${f.database} has ${f.tables} ${f.tables === 1 ? 'table' : 'tables'} and the history of ${f.tool.name} (table ${f.tool.table}), but no journal`,
    hint: () =>
      'Say what it has: `migrate-safe stamp V` if the steps up to V are in it already, or `migrate-safe stamp base` to begin from here. Nothing was changed.',
  },
  'database-gone': {
    code: 'MS-DB-GONE',
    exit: 3,
    state: 'needs-attention',
    message: (f) =>
      `${f.database} ${f.present ? 'is there and has no journal' : 'is not there'}, but ${f.directory} has backups of it`,
    hint: (f) =>
      `Put it back: migrate-safe restore --latest${f.present ? '   (or say what it has: migrate-safe stamp V)' : ''}. To begin anew on purpose, name other backups with --backups. Nothing was changed.`,
  },
  'chain-broken': {
    code: 'MS-CHAIN-BROKEN',
    exit: 3,
    state: 'needs-attention',
    message: (f) =>
      `the journal ${f.where === 'mirror' ? 'mirror ' : ''}is not what was written: event ${f.at.position} is ${f.at.problem}`,
    hint: (f) =>
      f.where === 'mirror'
        ? 'The database and its own journal are whole; only the copy of the journal in the backups was changed. Nothing was changed. Move its journal.ndjson away (keep it as evidence): the next `migrate-safe up` that has a step to apply writes it anew.'
        : 'Somebody changed the history by hand; nothing was changed now. `migrate-safe history` shows it, `migrate-safe restore --latest` puts back a database whose journal is whole (the present state is kept aside).',
  },
  'projection-differs': {
    code: 'MS-PROJECTION',
    exit: 3,
    state: 'needs-attention',
    message: (f) => `the table of applied steps does not say what the journal says: ${f.detail}`,
    hint: () =>
      'The journal is right. Every run writes the table again from it; this one changes nothing else: migrate-safe backup create',
  },
  'mirror-ahead': {
    code: 'MS-MIRROR-AHEAD',
    exit: 3,
    state: 'needs-attention',
    message: (f) =>
      f.diverged
        ? `the database's journal and its mirror in the backups differ from event ${f.database} on: this is not the database that the backups belong to, or it was put back by hand`
        : `the database ends at event ${f.database}, its mirror in the backups at event ${f.mirror}: an older copy of the database was put back by hand`,
    hint: () =>
      'Put a known state back, with its journal: migrate-safe restore --latest   (a copy of the present state is kept first). Or name other backups with --backups if this copy is to live on its own.',
  },
  'journal-newer': {
    code: 'MS-JOURNAL-NEWER',
    exit: 3,
    message: (f) => `the journal was written by a newer migrate-safe: ${f.detail}`,
    hint: () => 'Update: npm install migrate-safe@latest. Nothing was changed.',
  },
  'backup-corrupt': {
    code: 'MS-BACKUP-CORRUPT',
    exit: 3,
    message: (f) => `backup ${f.backupId} is not what was stored: ${f.check}: ${f.detail}`,
    hint: () => 'The database was not touched. Choose another: migrate-safe backup list',
  },
};
