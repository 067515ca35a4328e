// The commands that lead back to before a step that stopped half-way, the gentlest first.
import { shellWord } from '../errors/shell-word.js';
import type { BackupTaken } from '../events/event.js';

/** Tables that were copied within the database before a step. */
export interface CopiedTables {
  readonly id: string;
  readonly version: string;
  readonly tables: readonly string[];
}

/** What the record of copies says that were taken before a step. */
export const copiedIn = ({
  backupId: id,
  version,
  tables = [],
}: BackupTaken['data']): { readonly copied?: CopiedTables } =>
  version === undefined ? {} : { copied: { id, version, tables: tables.map(({ table }) => table) } };

export interface WaysBack {
  /** Puts back the tables that the step could touch: what was written elsewhere stays. */
  readonly gentler?: string;
  /** Puts back the most that there is. */
  readonly command?: string;
}

/** `backupId`: of the whole. Without one the copies are all that there is. */
export function waysBack(
  { version, direction }: { readonly version: string; readonly direction: 'apply' | 'revert' },
  backupId: string | undefined,
  copied: CopiedTables | undefined,
): WaysBack {
  const copies = copied?.version === version ? copied : undefined;
  if (backupId === undefined) return copies === undefined ? {} : { command: `migrate-safe restore ${copies.id}` };
  const command = `migrate-safe restore ${backupId}`;
  if (copies === undefined) return { command };
  // A revert has no words for what lies before it.
  const from = direction === 'apply' ? `--before-step ${version}` : copies.id;
  return { command, gentler: `migrate-safe restore ${from} --tables ${shellWord(copies.tables.join(','))}` };
}
