// What the doctor makes of facts and of failures that a test cannot bring about on a server that others use.
import { expect } from 'chai';
import { unreachable } from '#src/dao/dialects/postgres/doctor/reach.js';
import { checksOf } from '#src/dao/dialects/postgres/doctor/server-checks.js';
import { sizeText } from '#src/dao/dialects/postgres/doctor/size-text.js';
import { idleChecks } from '#src/dao/dialects/postgres/doctor/table-checks.js';
import type { ServerFacts } from '#src/dao/dialects/postgres/doctor/facts.js';
import { classify } from '#src/dao/dialects/postgres/classify.js';
import { historyTableOf } from '#src/dao/dialects/postgres/history-tables.js';

const WELL: ServerFacts = {
  version: 150_018,
  text: '15.18',
  database: 'app',
  owner: 'boss',
  role: 'app',
  superuser: false,
  bytes: 7_000_000,
  inRecovery: false,
  readOnly: false,
  readOnlySource: 'default',
  canCreate: true,
  canCreateInPublic: true,
  tables: 100,
  locksPerTransaction: 64,
  lockers: 122,
  eventTriggers: 0,
  wrappers: 0,
  allTablesPublications: 0,
};
const DIRECT = { product: 'postgresql', isPooled: false } as const;
const LABEL = 'postgres://db.example.com:5433/app';
const wrongIn = (facts: Partial<ServerFacts>, way: Parameters<typeof checksOf>[2] = DIRECT) =>
  checksOf({ ...WELL, ...facts }, LABEL, way).filter(({ ok, fix }) => !ok || fix !== null);

describe('what the doctor makes of the facts of a PostgreSQL server', () => {
  it('finds nothing where all is well', () => expect(wrongIn({})).to.deep.equal([]));

  it('supports 13 to 18, refuses what is older, and warns of what is newer and of what is no PostgreSQL', () => {
    for (const major of [13, 14, 15, 16, 17, 18]) expect(wrongIn({ version: major * 10_000 })).to.deep.equal([]);
    const [old] = wrongIn({ version: 120_022, text: '12.22' });
    expect(old).to.include({ ok: false, detail: 'PostgreSQL 12.22; 13 is the oldest that is supported' });
    expect(wrongIn({ version: 190_000 })[0]).to.include({ ok: true, name: 'server' });
    expect(wrongIn({}, { product: 'cockroachdb', isPooled: false })[0]?.detail).to.match(/^CockroachDB/);
  });

  it('tells a replica from a default', () => {
    const [replica, ...others] = wrongIn({ inRecovery: true, readOnly: true });
    expect(others).to.deep.equal([]);
    expect(replica).to.include({ ok: false, detail: 'this server is a read-only replica' });
    const [configured] = wrongIn({ readOnly: true, readOnlySource: 'configuration file' });
    expect(configured?.fix).to.equal('ALTER SYSTEM RESET default_transaction_read_only; SELECT pg_reload_conf();');
    expect(wrongIn({ readOnly: true, readOnlySource: 'client' })[0]?.fix).to.include('PGOPTIONS');
  });

  it('names a number of locks that is enough for a restore of all tables', () => {
    expect(wrongIn({ tables: 433 })).to.deep.equal([]);
    const [locks] = wrongIn({ tables: 3000 });
    expect(locks).to.include({ name: 'locks', ok: true });
    const [, enough] = /max_locks_per_transaction = (\d+)/.exec(locks?.fix ?? '') ?? [];
    expect(Number(enough) * 122).to.be.at.least(3000 * 18);
    expect(wrongIn({ tables: 3000, locksPerTransaction: Number(enough) })).to.deep.equal([]);
  });

  it('says sizes as people do', () =>
    expect([0, 512, 7_759_872, 444e6, 3.2e12].map(sizeText)).to.deep.equal([
      '0 bytes',
      '512 bytes',
      '7.4 MB',
      '423 MB',
      '2.9 TB',
    ]));

  it('names prepared transactions, which no session has', () =>
    expect(idleChecks([{ pid: 0, who: `it's`, application: '', seconds: 600 }])).to.deep.equal([
      {
        name: 'idle session',
        ok: false,
        detail: `prepared transaction it's has been open for 10 minutes: what it locked stays locked`,
        fix: `COMMIT PREPARED or ROLLBACK PREPARED 'it''s';`,
      },
    ]));
});

describe('what the doctor makes of a server that cannot be reached', () => {
  const failures: Readonly<Record<string, readonly [thrown: object, fix: RegExp]>> = {
    'nothing listens, at several addresses': [{ code: 'ECONNREFUSED', message: '' }, /systemctl/],
    'no answer within the time': [new Error('timeout expired'), /firewall/],
    'no route': [{ code: 'EHOSTUNREACH', message: 'x' }, /firewall/],
    'a wrong password': [{ code: '28P01', message: 'password authentication failed for user "a"' }, /pgpass/],
    'no password': [
      new Error('SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string'),
      /PGPASSWORD .*pgpass/,
    ],
    'no line in pg_hba.conf': [
      { code: '28000', message: 'no pg_hba.conf entry for host "1.2.3.4", user "a", database "b", SSL encryption' },
      /pg_hba\.conf .*pg_reload_conf/,
    ],
    'none without TLS': [
      { code: '28000', message: 'no pg_hba.conf entry for host "1.2.3.4", user "a", database "b", no encryption' },
      /sslmode=require/,
    ],
    'a certificate of its own': [
      { code: 'DEPTH_ZERO_SELF_SIGNED_CERT', message: 'self-signed certificate' },
      /sslrootcert=/,
    ],
    'a certificate for another name': [{ code: 'ERR_TLS_CERT_ALTNAME_INVALID', message: 'x' }, /by the name/],
    'an old certificate': [{ code: 'CERT_HAS_EXPIRED', message: 'x' }, /Renew/],
    'no right to connect': [{ code: '42501', message: 'permission denied for database "app"' }, /GRANT CONNECT/],
    'too many connections': [{ code: '53300', message: 'sorry, too many clients already' }, /pools/],
    'a server that starts': [{ code: '57P03', message: 'the database system is starting up' }, /Wait/],
    'no database': [
      { code: '3D000', message: 'database "app" does not exist' },
      /^createdb -h db\.example\.com -p 5433 app$/,
    ],
  };
  for (const [name, [thrown, fix]] of Object.entries(failures)) {
    it(`says what to type: ${name}`, () => {
      const check = unreachable(classify(thrown), LABEL);
      expect(check).to.include({ name: 'database', ok: false });
      expect(check.fix).to.match(fix);
      expect(check.detail).not.to.match(/undefined|: $/);
    });
  }
});

describe('histories of other tools on PostgreSQL', () => {
  it('are known by their table, in whatever schema, and not taken for those of a library', () => {
    const tables = [
      '_prisma_migrations',
      'app.flyway_schema_history',
      'public.knex_migrations',
      'migrations',
      'pgroll.migrations',
    ];
    expect(tables.map(historyTableOf)).to.deep.equal(['Prisma', 'Flyway', 'knex', 'TypeORM', 'pgroll']);
    for (const table of ['graphile_worker.migrations', 'auth.schema_migrations', 'customers'])
      expect(historyTableOf(table)).to.equal(undefined);
  });
});
