// Which file and driver are meant: by a URL, a knex configuration or a knex instance.
import { userInfo } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import knex, { type Knex } from 'knex';
import { resolveTarget } from '#src/target.js';

type Target = ReturnType<ReturnType<typeof resolveTarget>['_unsafeUnwrap']>;
const target = (database: unknown): Target => resolveTarget(database, 5)._unsafeUnwrap();
const refusal = (database: unknown): string => resolveTarget(database, 5)._unsafeUnwrapErr();

describe('a URL', () => {
  it('names a file, relative or absolute', () => {
    const meant: readonly (readonly [string, string])[] = [
      ['sqlite:app.db', path.resolve('app.db')],
      ['sqlite:./data/app.db', path.resolve('data/app.db')],
      ['sqlite:/var/lib/app.db', path.resolve('/var/lib/app.db')],
      ['sqlite:///var/lib/app.db', path.resolve('/var/lib/app.db')],
      ['sqlite://app.db', path.resolve('app.db')],
      ['SQLite3:app.db', path.resolve('app.db')],
      ['app.db', path.resolve('app.db')],
      ['/var/lib/app.db', path.resolve('/var/lib/app.db')],
      ['sqlite:my app?.db?driver=sqlite3', path.resolve('my app?.db')],
      ['sqlite:a:b.db', path.resolve('a:b.db')],
      ['sqlite::memory:', ':memory:'],
      [':memory:', ':memory:'],
    ];
    for (const [url, file] of meant) expect(target(url), url).to.include({ file, busyWaitMs: 5 });
  });

  it('names a file on a Windows drive, with a scheme or without', () => {
    for (const url of ['sqlite:C:\\data\\app.db', 'C:\\data\\app.db', 'c:/data/app.db'])
      expect(resolveTarget(url, 5).isOk(), url).to.equal(true);
  });

  it('may name the driver', () => {
    expect(target('sqlite:app.db?driver=better-sqlite3')).to.include({ driver: 'better-sqlite3', driverChosen: true });
    expect(target('sqlite:app.db?driver=sqlite3')).to.include({ driver: 'sqlite3', driverChosen: true });
    expect(target('sqlite:app.db')).to.include({ driver: 'sqlite3', driverChosen: false });
  });

  it('is refused where it cannot mean a file here, with what to write', () => {
    expect(refusal('mysql://host/db')).to.contain('mysql');
    expect(refusal('file:app.db')).to.contain('sqlite:app.db');
    expect(refusal('sqlite:file:app.db')).to.contain('sqlite:app.db');
    expect(refusal('sqlite:app.db?driver=sql.js')).to.contain('sql.js');
    expect(refusal('sqlite:app.db?driver=')).to.contain('driver');
    expect(refusal('sqlite:app.db?mode=ro&cache=shared')).to.contain('mode').and.contain('cache');
    for (const url of ['', 'sqlite:', 'sqlite://', 'sqlite:?driver=sqlite3'])
      expect(refusal(url), url).to.contain('names no file');
  });
});

describe('a knex configuration', () => {
  it('is refused where it names a URI: the application works on what that means, not on a file of that name', () => {
    const filename = 'file:shared?mode=memory&cache=shared';
    for (const client of ['sqlite3', 'better-sqlite3'])
      expect(refusal({ client, connection: { filename, flags: ['OPEN_URI'] } })).to.contain('URI');
  });

  it('names driver and file', () => {
    expect(target({ client: 'better-sqlite3', connection: { filename: 'app.db' } })).to.deep.include({
      file: path.resolve('app.db'),
      driver: 'better-sqlite3',
      driverChosen: true,
      host: {},
    });
    expect(target({ client: 'sqlite3', connection: 'app.db' })).to.include({
      file: path.resolve('app.db'),
      driver: 'sqlite3',
    });
    expect(target({ client: 'sqlite', connection: { filename: ':memory:' } })).to.include({
      file: ':memory:',
      driver: 'sqlite3',
    });
  });

  it('gives the steps what of it they see: names, results, defaults and logs', () => {
    const wrapIdentifier = (name: string): string => name;
    const postProcessResponse = (result: unknown): unknown => result;
    const log = { warn: (): void => undefined };
    const config: Knex.Config = {
      client: 'sqlite3',
      connection: { filename: 'a' },
      wrapIdentifier,
      postProcessResponse,
      useNullAsDefault: false,
      log,
      debug: true,
    };
    expect(target(config).host).to.deep.equal({ wrapIdentifier, postProcessResponse, useNullAsDefault: false, log });
  });

  it('is refused without a file, and for a client that is not supported', () => {
    expect(refusal({ client: 'sqlite3' })).to.contain('connection.filename');
    expect(refusal({ client: 'sqlite3', connection: {} })).to.contain('connection.filename');
    expect(refusal({ client: 'sqlite3', connection: { filename: '' } })).to.contain('connection.filename');
    expect(refusal({ client: 'mysql2', connection: {} })).to.contain('mysql2');
    expect(refusal({})).to.contain('null');
    expect(refusal([])).to.contain('null');
  });
});

describe('a knex instance', () => {
  const configured = (config: Knex.Config): Knex => knex({ useNullAsDefault: true, ...config });

  it('gives its configuration, and none of its connections', () => {
    const meant = target(configured({ client: 'better-sqlite3', connection: { filename: 'app.db' } }));
    expect(meant).to.deep.include({
      file: path.resolve('app.db'),
      driver: 'better-sqlite3',
      driverChosen: true,
      host: { useNullAsDefault: true },
    });
    expect(meant).not.to.have.property('borrow');
  });

  it('lends its connection where the database is in memory: there is no other way to it', async () => {
    const host = configured({
      client: 'better-sqlite3',
      connection: { filename: ':memory:' },
      pool: { min: 1, max: 1 },
    });
    await host.raw('create table t (a)');
    const meant = target(host);
    const borrowed = meant.dialect === 'sqlite' ? await meant.borrow?.() : undefined;
    expect(borrowed?.raw).to.have.property('prepare');
    await borrowed?.giveBack();
    expect(await host('t').select()).to.deep.equal([]);
    await host.destroy();
  });

  it('is told from any other function', () => {
    expect(refusal(() => 1)).to.contain('not a knex instance');
  });
});

describe('anything else', () => {
  it('is refused, with what is taken', () => {
    for (const database of [undefined, null, 7, true])
      expect(refusal(database)).to.contain('`database`').and.contain('sqlite:app.db');
  });
});

describe('PostgreSQL', () => {
  const variables = ['PGHOST', 'PGPORT', 'PGDATABASE', 'PGUSER'] as const;
  let before: (string | undefined)[];
  beforeEach(() => {
    before = variables.map((name) => process.env[name]);
    for (const name of variables) delete process.env[name];
  });
  afterEach(() => {
    for (const [at, name] of variables.entries()) {
      const value = before[at];
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });
  const location = (database: unknown): string => {
    const meant = target(database);
    return meant.dialect === 'postgres' ? meant.location : 'sqlite';
  };

  it('is named by a URL, of which a location without user and secrets is known', () => {
    expect(location('postgres://ann:s3cret@db.example:6432/app?sslmode=require')).to.equal(
      'postgres://db.example:6432/app',
    );
    expect(location('postgresql://db.example/app')).to.equal('postgres://db.example/app');
    expect(location('POSTGRES://db.example:5432/app')).to.equal('postgres://db.example/app');
    expect(location('postgres://ann@db.example')).to.equal('postgres://db.example/ann');
    expect(location('postgres:///app?host=/var/run/postgresql')).to.equal('postgres:///app?host=/var/run/postgresql');
    expect(location('postgres://db.example/my%20app')).to.equal('postgres://db.example/my%20app');
  });

  it('reads sslmode as PostgreSQL’s own programs do, and names the system’s user where nobody names one', () => {
    const options = (url: string): unknown => {
      const meant = target(url);
      return meant.dialect === 'postgres' ? meant.options.connectionString : undefined;
    };
    expect(options('postgres://ann@db/app?sslmode=require')).to.equal(
      'postgres://ann@db/app?sslmode=require&uselibpqcompat=true',
    );
    const { USER } = process.env;
    delete process.env['USER'];
    try {
      expect(options('postgres://db/app')).to.equal(`postgres://db/app?user=${userInfo().username}`);
      process.env['PGUSER'] = 'bob';
      expect(options('postgres://db/app')).to.equal('postgres://db/app');
    } finally {
      if (USER !== undefined) process.env['USER'] = USER;
    }
  });

  it('takes what a URL leaves out from the variables that the driver reads', () => {
    Object.assign(process.env, { PGHOST: 'db2', PGPORT: '6000', PGDATABASE: 'shop', PGUSER: 'ann' });
    expect(location('postgres:')).to.equal('postgres://db2:6000/shop');
    expect(location('postgres://db.example/app')).to.equal('postgres://db.example:6000/app');
  });

  it('is named by a knex configuration', () => {
    expect(location({ client: 'pg', connection: { host: 'db', database: 'app', password: 'x' } })).to.equal(
      'postgres://db/app',
    );
    expect(location({ client: 'postgresql', connection: 'postgres://db/app' })).to.equal('postgres://db/app');
    expect(location({ client: 'pg', connection: { connectionString: 'postgres://db:1/app' } })).to.equal(
      'postgres://db:1/app',
    );
    expect(target({ client: 'pg', connection: { database: 'app' }, searchPath: ['app', 'public'] }).host).to.deep.equal(
      {
        searchPath: ['app', 'public'],
      },
    );
    expect(refusal({ client: 'pg', connection: () => ({}) })).to.contain('function');
  });

  it('is not taken for a file where the colon of a URL was forgotten', () => {
    const refused = resolveTarget('postgres//shop@localhost/shop', 0);
    expect(refused.isErr() && refused.error).to.include('a colon is missing');
    expect(resolveTarget('data//app.db', 0).isOk(), 'a path of a file').to.equal(true);
  });

  it('is refused with a word of sslmode that nobody knows, and told which there are', () => {
    for (const database of [
      'postgres://db/app?sslmode=wrong',
      { client: 'pg', connection: 'postgres://db/app?sslmode=wrong' },
      { client: 'pg', connection: { connectionString: 'postgres://db/app?sslmode=wrong' } },
    ])
      expect(refusal(database))
        .to.contain('sslmode=wrong')
        .and.contain('disable, prefer, require, verify-ca, verify-full and no-verify');
    for (const word of ['disable', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'])
      expect(location(`postgres://db/app?sslmode=${word}`)).to.equal('postgres://db/app');
  });

  it('is not named by what cannot be read, and a secret is not told', () => {
    for (const url of ['postgres:app', 'postgres://ann:s3cret@db:notaport/app']) {
      expect(refusal(url)).to.contain('postgres://user@host:5432/name').and.not.contain('s3cret');
    }
  });
});
