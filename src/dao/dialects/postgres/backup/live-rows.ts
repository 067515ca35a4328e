// The rows of a database that is there, as the data script that pg_dump prints of them.
import type { Readable } from 'node:stream';
import type { ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import { quoted, type QualifiedName } from '../name.js';
import { runTool } from './run-tool.js';
import type { Toolbox } from './server.js';

const LOCK_WAIT_MS = 60_000;
/** So many tables are named to pg_dump; a command line has an end, and behind it all tables are read. */
const MOST_NAMED = 100;

/** Arguments are UTF-8, and pg_dump takes them for what it works in. */
const ASCII = /^[\u0001-\u007F]*$/;

/** `only` may name those that are wanted; `snapshot`: what is read, where others write meanwhile. */
export function liveRows<T>(
  { toolbox, snapshot }: { readonly toolbox: Toolbox; readonly snapshot?: string },
  read: (script: Readable) => Promise<T>,
  only: readonly QualifiedName[] = [],
): ResultAsync<T, SqlError> {
  const canName = ({ schema, name }: QualifiedName): boolean =>
    schema !== 'pg_catalog' && (toolbox.env['PGCLIENTENCODING'] === 'UTF8' || ASCII.test(`${schema}${name}`));
  const isNamed = only.length > 0 && only.length <= MOST_NAMED && only.every(canName);
  const tables = isNamed ? only.map((table) => `--table=${patternOf(table)}`) : ['--blobs'];
  return runTool(
    {
      program: toolbox.tools.pgDump,
      args: [
        '--data-only',
        ...tables,
        '--exclude-schema=migrate_safe',
        '--exclude-schema=migrate_safe_backup',
        `--lock-wait-timeout=${LOCK_WAIT_MS}`,
        ...(snapshot === undefined ? [] : [`--snapshot=${snapshot}`]),
        '--no-password',
      ],
      env: toolbox.env,
    },
    read,
  );
}

/** A pattern that only this table fits: in quotes, nothing but a quote has a meaning. */
const patternOf = ({ schema, name }: QualifiedName): string => `${quoted(schema)}.${quoted(name)}`;
