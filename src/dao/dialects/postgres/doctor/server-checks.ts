// What the facts of a server mean for a run, and what mends it. Pure.
import type { HealthCheck } from '../../../../core/ports/doctor.js';
import { majorOf } from '../backup/tools.js';
import { quoted } from '../name.js';
import { sizeText } from './size-text.js';
import type { Product } from '../settings.js';
import { bad, few, good, plural } from './check.js';
import type { ServerFacts } from './facts.js';

const [OLDEST, NEWEST] = [13, 18];
const RELATIVES = { cockroachdb: 'CockroachDB', yugabytedb: 'YugabyteDB' } as const;

/** How the server was reached. */
interface Way {
  readonly product: Product;
  readonly isPooled: boolean;
}

/** Locks that a restore of the whole takes for each table, its indexes, sequences and TOAST table with it. */
const LOCKS_PER_TABLE = 18;

export function checksOf(facts: ServerFacts, label: string, { product, isPooled }: Way): readonly HealthCheck[] {
  return [
    good('database', `${label} opens, ${plural(facts.tables, 'table')}, ${sizeText(facts.bytes)}`),
    versionCheck(facts, product),
    ...writable(facts),
    ...(isPooled ? [POOLER] : []),
    ...rights(facts),
    ...locks(facts),
  ];
}

function versionCheck({ version, text }: ServerFacts, product: Product): HealthCheck {
  if (product !== 'postgresql')
    return good(
      'server',
      `${RELATIVES[product]}, which says that it is PostgreSQL ${text}`,
      'It is no PostgreSQL: try each step on a copy first.',
    );
  const major = majorOf(version);
  if (major < OLDEST)
    return bad(
      'server',
      `PostgreSQL ${text}; ${OLDEST} is the oldest that is supported`,
      `Upgrade it: https://www.postgresql.org/docs/current/upgrading.html`,
    );
  return major > NEWEST
    ? good(
        'server',
        `PostgreSQL ${text}`,
        `It is newer than what was tested (${OLDEST} to ${NEWEST}): try each step on a copy first.`,
      )
    : good('server', `PostgreSQL ${text}`);
}

function writable({ inRecovery, readOnly, readOnlySource, role, database }: ServerFacts): readonly HealthCheck[] {
  if (inRecovery)
    return [
      bad(
        'writable',
        'this server is a read-only replica',
        'Name the primary in the URL, or promote this one: SELECT pg_promote();',
      ),
    ];
  if (!readOnly) return [];
  const off = 'default_transaction_read_only';
  const fix: Readonly<Record<string, string>> = {
    database: `ALTER DATABASE ${quoted(database)} RESET ${off};`,
    user: `ALTER ROLE ${quoted(role)} RESET ${off};`,
    'database user': `ALTER ROLE ${quoted(role)} IN DATABASE ${quoted(database)} RESET ${off};`,
    client: `Take ${off} out of the URL, of PGOPTIONS or of the options of the connection.`,
  };
  return [
    bad(
      'writable',
      `transactions are read-only by default here (set by: ${readOnlySource})`,
      fix[readOnlySource] ?? `ALTER SYSTEM RESET ${off}; SELECT pg_reload_conf();`,
    ),
  ];
}

const POOLER = good(
  'pooler',
  'a transaction pooler is in between: each transaction may get another session',
  'Name the address of the server itself in the URL: pg_dump and the lock are at their best there.',
);

function rights(facts: ServerFacts): readonly HealthCheck[] {
  const { role, database, owner, superuser } = facts;
  if (superuser) return [good('rights', `role ${role} is a superuser`)];
  const create = facts.canCreate
    ? []
    : [
        bad(
          'rights',
          `role ${role} may not create schemas in this database: the journal and table backups have their own`,
          `As ${owner} or a superuser: GRANT CREATE ON DATABASE ${quoted(database)} TO ${quoted(role)};`,
        ),
      ];
  const inPublic = facts.canCreateInPublic
    ? []
    : [
        good(
          'rights',
          `role ${role} may not create tables in schema public`,
          `Where steps do: GRANT CREATE ON SCHEMA public TO ${quoted(role)};`,
        ),
      ];
  return [...create, ...inPublic, ...superuserOnly(facts)];
}

function superuserOnly({ role, eventTriggers, wrappers, allTablesPublications }: ServerFacts): readonly HealthCheck[] {
  const objects = [
    ...(eventTriggers > 0 ? [plural(eventTriggers, 'event trigger')] : []),
    ...(wrappers > 0 ? [plural(wrappers, 'foreign data wrapper')] : []),
    ...(allTablesPublications > 0
      ? [plural(allTablesPublications, 'publication of all tables', 'publications of all tables')]
      : []),
  ];
  if (objects.length === 0) return [];
  return [
    good(
      'rights',
      `${few(objects)}: only a superuser can make such objects again, and role ${role} is none`,
      'Restore the whole database as a superuser; steps and table backups need none.',
    ),
  ];
}

function locks({ tables, locksPerTransaction, lockers }: ServerFacts): readonly HealthCheck[] {
  const needed = tables * LOCKS_PER_TABLE;
  const there = locksPerTransaction * lockers;
  const detail = `a restore of all ${plural(tables, 'table')} takes about ${needed} locks at once, and there is room for ${there}`;
  if (needed <= there) return [];
  const enough = Math.ceil(needed / lockers / 64) * 64;
  return [
    good(
      'locks',
      detail,
      `ALTER SYSTEM SET max_locks_per_transaction = ${enough}; then restart the server. Until then a restore of the whole goes into a new database that takes the name (--by swap).`,
    ),
  ];
}
