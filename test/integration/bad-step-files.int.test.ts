// Step files that are wrong in themselves: each is refused before anything is run, with its line and with what to do.
import { expect } from 'chai';
import { renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { failure, project, value, type Project } from '../support/project.js';

const FIRST = {
  '0001_a.sql': `CREATE TABLE a (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO a VALUES (1, 'x'), (2, 'y');`,
};

describe('step files that are wrong', () => {
  let p: Project;
  beforeEach(async () => {
    p = project();
    p.write(FIRST);
    value(await p.manager().up());
  });
  afterEach(() => p.remove());

  const refused = async (content: string | Buffer) => {
    const before = p.dump();
    writeFileSync(path.join(p.steps, '0002_b.sql'), content);
    const error = failure(await p.manager().up());
    expect(p.dump()).to.equal(before);
    expect(p.rows('SELECT version FROM migrate_safe_steps')).to.deep.equal([{ version: '0001' }]);
    return error;
  };
  const made = async (content: string): Promise<string[]> => {
    p.write({ '0002_b.sql': content });
    value(await p.manager().up());
    return p
      .rows(`SELECT name FROM sqlite_schema WHERE name NOT LIKE 'migrate%' AND name NOT LIKE 'sqlite%' ORDER BY name`)
      .map((row) => (row as { name: string }).name);
  };

  const twice: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    'spelt differently': { '7_b.sql': 'SELECT 1', '0007_c.sql': 'SELECT 1' },
    'as SQL and as code': { '7_b.up.sql': 'SELECT 1', '7_b.ts': 'export const up = () => undefined' },
    'with a down file of another name': { '7_b.up.sql': 'SELECT 1', '7_c.down.sql': 'SELECT 1' },
  };
  for (const [how, files] of Object.entries(twice)) {
    it(`refuses a version that is there twice, ${how}, and names both files`, async () => {
      p.write(files);
      const error = failure(await p.manager().up());
      expect(error).to.include({ kind: 'duplicate-version', exitCode: 2, state: 'unchanged' });
      for (const name of Object.keys(files)) expect(error.message).to.contain(name);
    });
  }

  it('orders versions as numbers of any length', async () => {
    p.write({
      '100_y.sql': 'ALTER TABLE z ADD COLUMN y',
      '9_z.sql': 'CREATE TABLE z (x)',
      '99999999999999999999_b.sql': 'CREATE TABLE n2 AS SELECT * FROM n1',
      '99999999999999999998_a.sql': 'CREATE TABLE n1 (x)',
    });
    const { applied, current } = value(await p.manager().up());
    expect(applied.map(({ version }) => version)).to.deep.equal([
      '9',
      '100',
      '99999999999999999998',
      '99999999999999999999',
    ]);
    expect(current).to.equal('99999999999999999999');
  });

  it('tells a renumbered step from a missing one, and lets a description change', async () => {
    renameSync(path.join(p.steps, '0001_a.sql'), path.join(p.steps, '0001_other_words.sql'));
    expect(value(await p.manager().up()).applied).to.deep.equal([]);
    renameSync(path.join(p.steps, '0001_other_words.sql'), path.join(p.steps, '1_a.sql'));
    expect(value(await p.manager().up()).applied).to.deep.equal([]);
    renameSync(path.join(p.steps, '1_a.sql'), path.join(p.steps, '0003_a.sql'));
    const error = failure(await p.manager().up());
    expect(error).to.include({ kind: 'missing-step', exitCode: 3 });
    expect(error.message).to.contain('0003_a.sql has the same content');
  });

  it('refuses files whose name has no version, or that have no up', async () => {
    p.write({ 'create_b.sql': 'SELECT 1' });
    expect(failure(await p.manager().up())).to.include({ kind: 'step-file-name', exitCode: 2 });
    renameSync(path.join(p.steps, 'create_b.sql'), path.join(p.steps, '0002_b.down.sql'));
    expect(failure(await p.manager().up()).message).to.contain('no .up.sql beside it');
  });

  for (const [name, content] of Object.entries({
    'is empty': '',
    'has comments only': '-- hi\n/* there */\n',
    'is a byte order mark': '\uFEFF',
    'is all semicolons': ';;\n;',
  })) {
    it(`refuses a file that ${name}`, async () => {
      expect(await refused(content)).to.include({ kind: 'step-empty', exitCode: 2 });
    });
  }

  const encodings: Readonly<Record<string, Buffer>> = {
    'UTF-16 LE': Buffer.from('\uFEFFCREATE TABLE q (x);', 'utf16le'),
    'UTF-16 BE': Buffer.from('\uFEFFCREATE TABLE q (x);', 'utf16le').swap16(),
    'Latin-1': Buffer.from(`CREATE TABLE q (x); INSERT INTO q VALUES ('\u00e9');`, 'latin1'),
  };
  for (const [name, content] of Object.entries(encodings)) {
    it(`refuses ${name} and says how to convert it`, async () => {
      const error = await refused(content);
      expect(error).to.include({ kind: 'step-file-encoding', exitCode: 2 });
      expect(error.hint).to.contain('iconv -f ISO-8859-1').and.to.contain('UTF-16');
    });
  }

  it('knows UTF-16 without a mark by its NUL characters', async () => {
    const error = await refused(Buffer.from('CREATE TABLE q (x);', 'utf16le'));
    expect(error).to.include({ kind: 'step-script', exitCode: 2 });
    expect(error.hint).to.contain('UTF-16');
  });

  it('takes CRLF and a byte order mark for nothing: the checksum stays', async () => {
    const text = 'CREATE TABLE q (x);\nINSERT INTO q VALUES (1);\n';
    p.write({ '0002_b.sql': text });
    value(await p.manager().up());
    p.write({ '0002_b.sql': `\uFEFF${text.replaceAll('\n', '\r\n')}` });
    expect(value(await p.manager().status())).to.include({ pending: 0, current: '0002' });
    expect(value(await p.manager().status()).steps.map(({ state }) => state)).to.deep.equal(['applied', 'applied']);
  });

  it('names file, line and statement of a syntax error, and leaves nothing', async () => {
    const error = await refused('CREATE TABLE q (x);\n\nCREATE TALBE r (x);\n');
    expect(error).to.include({ kind: 'step-failed', exitCode: 1, state: 'rolled-back', near: 'TALBE' });
    expect(error.step).to.include({ version: '0002', line: 3, statement: 'CREATE TALBE r (x)' });
    expect(error.step?.file).to.contain('0002_b.sql');
  });

  it('names the line where a string begins that is never closed', async () => {
    const error = await refused(`CREATE TABLE q (x);\nINSERT INTO q VALUES ('abc);\n`);
    expect(error).to.include({ kind: 'step-script', exitCode: 2, state: 'unchanged' });
    expect(error.message).to.contain('0002_b.sql:2');
  });

  it('takes off the BEGIN and COMMIT that a file wraps itself in', async () => {
    expect(await made('PRAGMA foreign_keys = OFF;\nBEGIN TRANSACTION;\nCREATE TABLE q (x);\nEND;\n')).to.deep.equal([
      'a',
      'q',
    ]);
  });

  for (const [name, [content, line]] of Object.entries({
    'commits half-way': ['CREATE TABLE q (x);\nCOMMIT;\nCREATE TABLE r (x);', 2],
    'wraps itself twice': ['BEGIN;\nCREATE TABLE q (x);\nCOMMIT;\nBEGIN;\nCREATE TABLE r (x);\nCOMMIT;', 3],
    'begins and does not end': ['BEGIN;\nCREATE TABLE q (x);', 1],
    'rolls itself back': ['BEGIN;\nCREATE TABLE q (x);\nROLLBACK;', 1],
  } as const)) {
    it(`refuses a file that ${name}, with advice`, async () => {
      const error = await refused(content);
      expect(error).to.include({ kind: 'step-script', exitCode: 2 });
      expect(error.message).to.contain(`0002_b.sql:${line}`);
      expect(error.hint).to.contain('-- migrate-safe: no-transaction');
    });
  }

  it('says which directive a VACUUM needs', async () => {
    expect((await refused('VACUUM')).hint).to.contain('-- migrate-safe: no-transaction');
  });

  for (const [name, content] of Object.entries({
    'is misspelt': '-- migrate-safe: may-loose-rows table=a\nSELECT 1;',
    'has no colon': '-- migrate-safe may-lose-rows table=a\nSELECT 1;',
    'has an argument too many': '-- migrate-safe: no-transaction please\nSELECT 1;',
    'marks a part twice':
      '-- migrate-safe:up\nSELECT 1;\n-- migrate-safe:down\nSELECT 1;\n-- migrate-safe:down\nSELECT 1;',
    'is the marker of dbmate': '-- migrate:up\nCREATE TABLE q (x);\n-- migrate:down\nDROP TABLE q;',
    'is the marker of goose': '-- +goose Up\nCREATE TABLE q (x);\n-- +goose Down\nDROP TABLE q;',
  })) {
    it(`refuses a directive that ${name}`, async () => {
      expect(await refused(content)).to.include({ kind: 'step-directive', exitCode: 2, state: 'unchanged' });
    });
  }

  it('does not run the down part with the up part, however the marker is spaced', async () => {
    expect(
      await made('--migrate-safe:up\nCREATE TABLE q (x);\n--  migrate-safe:  down\nDROP TABLE q;\nDROP TABLE a;'),
    ).to.deep.equal(['a', 'q']);
    value(await p.manager().restore({ choice: { beforeStep: '2' } }));
  });
});
