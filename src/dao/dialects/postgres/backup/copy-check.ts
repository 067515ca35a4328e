// What an archive is worth: its structure, and its content as digests.
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import { sha256 } from '../../../../core/brands.js';
import type {
  CheckError,
  ContentFingerprint,
  CopyFacts,
  CopyForm,
  CopyProgress,
} from '../../../../core/ports/backup-source.js';
import type { SqlError } from '../../../../core/ports/session.js';
import { compareText } from '../../../../core/schema/names.js';
import { nameOf } from '../name.js';
import { encodingOf, MAGIC, type Archive, type ArchiveEntry } from './archive.js';
import { asCheck, asDamage, openArchive, printed, readData } from './archive-tools.js';
import { KnownContents } from './archive-content.js';
import { digestTables, isOwn } from './table-digests.js';

export const COPY_FORM: CopyForm = {
  fileName: 'database.dump',
  header: MAGIC,
  checks: { quick: 'contents', full: 'archive' },
};

/** `quick` reads the contents, which pg_dump completes as its last act; `full` reads every row, whose blocks carry checksums. */
export function checkArchive(
  file: string,
  level: 'quick' | 'full',
  contents: KnownContents = new KnownContents(),
  onProgress?: CopyProgress,
): ResultAsync<CopyFacts, CheckError> {
  const check = COPY_FORM.checks[level];
  return openArchive(file).andThen((archive) => {
    const reading =
      level === 'quick'
        ? printed(archive, ['--list'], drained).map(() => undefined)
        : contents.read(archive, onProgress).map(({ strange }) => strange);
    return asCheck(reading, check).andThen((strange) =>
      strange === undefined
        ? okAsync(factsOf(archive))
        : errAsync<CopyFacts, CheckError>({ kind: 'check-failed', check, detail: strange }),
    );
  });
}

async function drained(output: Readable): Promise<void> {
  output.resume();
  await once(output, 'close');
}

/** The schema is taken from the contents, which are the same whatever version reads them. */
export function fingerprintArchive(
  file: string,
  contents: KnownContents = new KnownContents(),
): ResultAsync<ContentFingerprint, SqlError> {
  return openArchive(file)
    .mapErr(asDamage)
    .andThen((archive) =>
      contents
        .of(file)
        .andThen((known) => (known === undefined ? readData(archive, digestTables) : okAsync(known.digests)))
        .map((tables): ContentFingerprint => ({
          schema: sha256(JSON.stringify(archive.entries.filter((entry) => !entry.hasData).map(schemaOf))),
          foreignKeyViolations: 0,
          tables: Object.fromEntries(
            [...tables]
              .toSorted(([a], [b]) => compareText(a, b))
              .map(([name, { rows, digest }]) => [name, { rows, digest }]),
          ),
        })),
    );
}

const schemaOf = ({ kind, schema, name, owner, definition }: ArchiveEntry): readonly string[] => [
  kind,
  schema,
  name,
  owner,
  definition,
];

export function factsOf({ format, serverVersion, dumpVersion, entries }: Archive): CopyFacts {
  const of = (...kinds: string[]): readonly ArchiveEntry[] => entries.filter(({ kind }) => kinds.includes(kind));
  return {
    tables: of('TABLE', 'FOREIGN TABLE')
      .filter((table) => !isOwn(table))
      .map(nameOf)
      .toSorted(compareText),
    archive: {
      serverVersion,
      dumpVersion,
      format,
      encoding: encodingOf(entries),
      roles: rolesOf(entries),
      extensions: of('EXTENSION')
        .map(({ name }) => name)
        .toSorted(compareText),
    },
  };
}

/** What gives rights to roles that need not own anything. */
const GRANTING = new Set(['ACL', 'DEFAULT ACL', 'POLICY', 'USER MAPPING']);
const ROLES = /\b(?:TO|FROM|FOR ROLE|FOR|AUTHORIZATION) ((?:"(?:[^"]|"")*"|[\w$]+)(?:, (?:"(?:[^"]|"")*"|[\w$]+))*)/g;
/** A policy's condition can have any words in it. */
const CONDITION = / (?:USING|WITH CHECK) \(/;
const NO_ROLES = /^(?:PUBLIC|CURRENT_USER|SESSION_USER|SELECT|INSERT|UPDATE|DELETE|ALL|ROLE|pg_.*)$/i;

/** Roles that the archive names: owners, and those whom it grants something. */
function rolesOf(entries: readonly ArchiveEntry[]): readonly string[] {
  const granted = entries
    .filter(({ kind }) => GRANTING.has(kind))
    .flatMap(({ definition }) =>
      [...(definition.split(CONDITION)[0] ?? '').matchAll(ROLES)].map(([, names = '']) => names),
    )
    .flatMap((names) => [...names.matchAll(/"((?:[^"]|"")*)"|[\w$]+/g)])
    .map(([bare, quoted]) => quoted?.replaceAll('""', '"') ?? bare)
    .filter((name) => !NO_ROLES.test(name));
  const owners = entries.map(({ owner }) => owner).filter((owner) => owner !== '' && !owner.startsWith('pg_'));
  return [...new Set([...owners, ...granted])].toSorted(compareText);
}
