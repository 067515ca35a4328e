// What is to be said of the tables of a database, of what else lies in it and of who holds it. Pure.
import type { HealthCheck } from '../../../../core/ports/doctor.js';
import { historyTableOf } from '../history-tables.js';
import { nameOf, quoted, sqlName, type QualifiedName } from '../name.js';
import { bad, few, good, plural } from './check.js';
import type { SwapRemains } from '../restore/swap/remains.js';
import { sizeText } from './size-text.js';
import type { IdleTransaction, Leftover, TableRight } from './facts.js';

export function tableRights(tables: readonly TableRight[], role: string): readonly HealthCheck[] {
  const foreign = tables.filter(({ isOwner }) => !isOwner);
  const owners = [...new Set(foreign.map(({ owner }) => owner))];
  const unread = tables.filter(({ canRead }) => !canRead);
  const hidden = tables.filter((table) => table.hidden && table.canRead);
  return [
    ...(foreign.length === 0
      ? []
      : [
          bad(
            'rights',
            `role ${role} does not own ${few(foreign.map(nameOf))}: it cannot change or restore ${foreign.length === 1 ? 'it' : 'them'}${unread.length === 0 ? '' : `, and cannot even read ${few(unread.map(nameOf))}`}`,
            `As a superuser: ${owners.map((owner) => `GRANT ${quoted(owner)} TO ${quoted(role)};`).join(' ')}`,
          ),
        ]),
    ...(hidden.length === 0
      ? []
      : [
          bad(
            'rights',
            `policies hide rows of ${few(hidden.map(nameOf))} from role ${role}: pg_dump refuses to back up a part`,
            `As a superuser: ALTER ROLE ${quoted(role)} BYPASSRLS;`,
          ),
        ]),
  ];
}

/** One line for each tool. `isOurs`: the engine has its journal here. */
export function otherTools(tables: readonly QualifiedName[]): readonly HealthCheck[] {
  const isOurs = tables.some(({ schema, name }) => schema === 'migrate_safe' && name === 'events');
  const byTool = new Map<string, string>();
  for (const table of tables.map(nameOf)) {
    const tool = historyTableOf(table);
    if (tool !== undefined && !byTool.has(tool)) byTool.set(tool, table);
  }
  return [...byTool].map(([tool, table]) =>
    good(
      'other tool',
      `table ${table} is the history of ${tool}`,
      isOurs ? null : 'migrate-safe stamp V says what the database already has',
    ),
  );
}

export function idleChecks(transactions: readonly IdleTransaction[]): readonly HealthCheck[] {
  return transactions.map(({ pid, who, application, seconds }) => {
    const since = seconds < 120 ? `${seconds} seconds` : `${Math.floor(seconds / 60)} minutes`;
    return pid === 0
      ? bad(
          'idle session',
          `prepared transaction ${who} has been open for ${since}: what it locked stays locked`,
          `COMMIT PREPARED or ROLLBACK PREPARED '${who.replaceAll("'", "''")}';`,
        )
      : bad(
          'idle session',
          `${[who, application].filter((part) => part !== '').join(', ')} (pid ${pid}) has done nothing in its transaction for ${since}: what it locked stays locked`,
          `SELECT pg_terminate_backend(${pid});`,
        );
  });
}

export function leftoverChecks(found: readonly Leftover[]): readonly HealthCheck[] {
  const indexes = found.filter(({ kind }) => kind === 'invalid index');
  const unchecked = found.filter(({ kind }) => kind === 'not valid');
  return [
    ...indexes.map((index) =>
      bad(
        'invalid index',
        `${nameOf(index)} of table ${index.table} was never finished: no query uses it, and every write pays for it`,
        `DROP INDEX CONCURRENTLY ${sqlName(index)}; then make it again.`,
      ),
    ),
    ...(unchecked.length === 0 ? [] : [unvalidated(unchecked)]),
  ];
}

/** Neither is in anybody's way: the one goes with the next run, the other is somebody's way back. */
export const remainsChecks = (found: readonly SwapRemains[]): readonly HealthCheck[] =>
  found.map(({ name, bytes, kind }) => {
    const what = `${name}${bytes === null ? '' : ` (${sizeText(bytes)})`}`;
    return kind === 'kept'
      ? good(
          'old database',
          `${what} is what was live before a restore took its name`,
          `Once nobody needs it: DROP DATABASE ${quoted(name)};`,
        )
      : good(
          'half a restore',
          `${what} is of a restore or a clone${kind === 'foreign' ? ' of another database' : ''} that is going on, or was killed`,
          kind === 'half-filled'
            ? 'Where none is going on, the next run clears it away.'
            : `Where none is going on: DROP DATABASE ${quoted(name)} WITH (FORCE);`,
        );
  });

function unvalidated(constraints: readonly Leftover[]): HealthCheck {
  const [first] = constraints;
  const table = first === undefined ? '' : sqlName({ schema: first.schema, name: first.table });
  const more = constraints.length === 1 ? '' : ' And so on for the others.';
  return good(
    'constraints',
    `${plural(constraints.length, 'constraint was', 'constraints were')} never checked against the rows that were there: ${few(constraints.map(({ name }) => name))}`,
    `ALTER TABLE ${table} VALIDATE CONSTRAINT ${quoted(first?.name ?? '')};${more}`,
  );
}
