// Whose the journal's tables are, and who may read them: where they are made anew, who restores would have them alone. Pure.
import type { ArchiveEntry } from '../backup/archive.js';
import { quoted } from '../name.js';

export const JOURNAL_SCHEMA = 'migrate_safe';
const OF_SCHEMA = `SCHEMA ${JOURNAL_SCHEMA}`;

/** The statements that give them back as an archive has them; the schema last: who gave it away may be shut out. */
export function journalRights(entries: readonly ArchiveEntry[]): readonly string[] {
  const inside = entries.filter(({ schema }) => schema === JOURNAL_SCHEMA);
  const itself = entries.filter(({ kind, name }) => (kind === 'SCHEMA' ? `SCHEMA ${name}` : name) === OF_SCHEMA);
  return [inside, itself].flatMap((those) => [
    ...those.flatMap(owning),
    ...those
      .filter(({ kind }) => kind === 'ACL')
      .map(({ definition }) => asFarAsThere(definition, 'WHEN insufficient_privilege THEN NULL;')),
  ]);
}

function owning(entry: ArchiveEntry): readonly string[] {
  const object = objectOf(entry);
  if (object === undefined) return [];
  const owner = quoted(entry.owner);
  // Who may not give it away shares it: the owner goes on to write the journal.
  const shared = `WHEN insufficient_privilege THEN GRANT ALL ON ${object} TO ${owner};`;
  return [asFarAsThere(`ALTER ${object} OWNER TO ${owner};`, shared)];
}

function objectOf({ kind, name }: ArchiveEntry): string | undefined {
  switch (kind) {
    case 'SCHEMA':
      return OF_SCHEMA;
    case 'TABLE':
      return `TABLE ${JOURNAL_SCHEMA}.${quoted(name)}`;
    case 'FUNCTION':
      return `FUNCTION ${JOURNAL_SCHEMA}.${name}`;
    default:
      return undefined;
  }
}

/** What somebody put into the schema besides is not there any more, and roles may be gone. */
const asFarAsThere = (statements: string, otherwise: string): string =>
  `DO $migrate_safe$ BEGIN ${statements} EXCEPTION ${otherwise}
   WHEN undefined_table OR undefined_function OR undefined_column OR undefined_object THEN NULL; END $migrate_safe$`;
