// The configuration is made whole and checked, and everything that is wrong with it is reported together.
import path from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { parseConfig, type Config } from '#src/config.js';
import { DEFAULT_POLICY } from '#src/core/manager/ports.js';
import { MigrationStep } from '#src/core/steps/migration-step.js';
import { parseDuration } from '#src/duration.js';

const config = (more: object = {}): Config => parseConfig({ database: 'sqlite:app.db', ...more })._unsafeUnwrap();
const issues = (input: unknown): readonly string[] => parseConfig(input)._unsafeUnwrapErr().issues;

describe('parseDuration', () => {
  it('reads what people write', () => {
    const written: readonly (readonly [string, number])[] = [
      ['250ms', 250],
      ['90s', 90_000],
      ['10m', 600_000],
      ['1h', 3_600_000],
      ['1.5m', 90_000],
      [' 2s ', 2000],
      ['0s', 0],
    ];
    for (const [text, ms] of written) expect(parseDuration(text), text).to.equal(ms);
    expect(parseDuration(1500)).to.equal(1500);
    expect(parseDuration(0)).to.equal(0);
  });

  it('takes nothing else', () => {
    for (const value of [
      '',
      '10',
      'm',
      '-1s',
      '1d',
      '10 m',
      '1e3s',
      '10min',
      '.5s',
      '1.s',
      -1,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      null,
      undefined,
      true,
      {},
      10n,
    ]) {
      expect(parseDuration(value), typeof value).to.equal(undefined);
    }
  });

  it('gives a whole number of units back as it was written', () => {
    fc.assert(
      fc.property(
        fc.nat(10_000),
        fc.constantFrom<readonly [string, number]>(['ms', 1], ['s', 1000], ['m', 60_000], ['h', 3_600_000]),
        (n, [unit, ms]) => {
          expect(parseDuration(`${n}${unit}`)).to.equal(n * ms);
        },
      ),
    );
  });
});

describe('parseConfig', () => {
  it('needs a database only, and fills in the rest', () => {
    const whole = config();
    expect(whole.policy).to.deep.equal(DEFAULT_POLICY);
    expect(whole.backups).to.equal(path.resolve('backups'));
    expect(whole.steps).to.deep.equal({ registered: [] });
    expect(whole.target).to.include({ file: path.resolve('app.db'), busyWaitMs: DEFAULT_POLICY.lockWaitMs });
  });

  it('takes every setting', () => {
    const policy = {
      component: 'billing',
      guard: 'warn',
      fileBackup: 'each-run',
      tableBackup: 'never',
      onFailure: 'undo-run',
      outOfOrder: 'allow',
      onAhead: 'refuse',
      keepRuns: 3,
      largeDatabaseBytes: 7,
    } as const;
    const whole = config({ ...policy, lockWait: '90s', backups: 'b', steps: 'm' });
    expect(whole.policy).to.deep.equal({ ...policy, fileBackupBy: 'dump', lockWaitMs: 90_000 });
    expect(whole.backups).to.equal(path.resolve('b'));
    expect(whole.steps).to.deep.equal({ directory: path.resolve('m'), registered: [] });
    expect(whole.target).to.include({ busyWaitMs: 90_000 });
  });

  it('takes steps in code', () => {
    const step = new MigrationStep(1, 'd', { apply: () => undefined });
    expect(config({ steps: [step] }).steps).to.deep.equal({ registered: [step] });
  });

  it('asks for no file backup of a database in memory, whatever the policy says', () => {
    expect(
      parseConfig({ database: 'sqlite::memory:', fileBackup: 'each-step' })._unsafeUnwrap().policy.fileBackup,
    ).to.equal('never');
  });

  it('takes a member that is undefined for one that is not there', () => {
    expect(
      config({ guard: undefined, steps: undefined, keepRuns: undefined, lockWait: undefined, backups: undefined })
        .policy,
    ).to.deep.equal(DEFAULT_POLICY);
  });

  it('refuses what is no configuration at all', () => {
    for (const input of [undefined, null, 'sqlite:app.db', 7])
      expect(issues(input)).to.deep.equal(['it is not an object']);
  });

  it('names each setting that is wrong, and what it takes', () => {
    const wrong: readonly (readonly [object, string])[] = [
      [{ guard: 'on' }, '`guard` is'],
      [{ guard: null }, '`guard` is'],
      [{ fileBackup: true }, '`fileBackup` is'],
      [{ largeDatabaseBytes: -1 }, '`largeDatabaseBytes` is'],
      [{ fileBackupBy: 'copy' }, '`fileBackupBy` is'],
      [{ fileBackupBy: 'dump' }, '`fileBackupBy` is for PostgreSQL'],
      [{ onFailure: 'undo' }, '`onFailure` is'],
      [{ outOfOrder: true }, '`outOfOrder` is'],
      [{ onAhead: '' }, '`onAhead` is'],
      [{ backups: '' }, '`backups` is'],
      [{ backups: 1 }, '`backups` is'],
      [{ component: '' }, '`component` is'],
      [{ steps: 7 }, '`steps` is'],
      [{ steps: null }, '`steps` is'],
      [{ steps: '' }, '`steps` is'],
      [{ steps: ['0001.sql'] }, '`steps` is'],
      [{ steps: [{ version: 1 }] }, '`steps` is'],
      [{ contract: '' }, '`contract`: it names no file'],
      [{ contract: null }, '`contract`: it is a file, or a list'],
      [{ contract: ['src/tables.ts'] }, '`contract`: member 1 is neither'],
      [{ keepRuns: 0 }, '`keepRuns` is'],
      [{ keepRuns: 1.5 }, '`keepRuns` is'],
      [{ keepRuns: '10' }, '`keepRuns` is'],
      [{ lockWait: '10' }, '`lockWait` is'],
      [{ lockWait: -1 }, '`lockWait` is'],
      [{ backup: './b' }, '`backup` is not known'],
    ];
    for (const [more, text] of wrong) {
      const found = issues({ database: 'sqlite:app.db', ...more });
      expect(found, JSON.stringify(more)).to.have.length(1);
      expect(found[0]).to.contain(text);
    }
  });

  it('reports everything together, and where it stands', () => {
    const result = parseConfig(
      { databse: 'x', guard: 'no', keepRuns: -1, lockWait: 'soon', steps: 1, backups: '', component: 2 },
      'migrate-safe.config.ts',
    );
    expect(result._unsafeUnwrapErr()).to.include({ kind: 'config-invalid', where: 'migrate-safe.config.ts' });
    expect(result._unsafeUnwrapErr().issues).to.have.length(8);
    for (const name of ['databse', 'guard', 'keepRuns', 'lockWait', 'steps', 'backups', 'component', 'database']) {
      expect(result._unsafeUnwrapErr().issues.join('\n')).to.contain(`\`${name}\``);
    }
  });

  it('never throws, whatever it is given', () => {
    const key = fc.constantFrom(
      'database',
      'steps',
      'backups',
      'component',
      'guard',
      'fileBackup',
      'fileBackupBy',
      'onFailure',
      'outOfOrder',
      'onAhead',
      'lockWait',
      'keepRuns',
      'other',
    );
    const value = fc.oneof(
      fc.anything(),
      fc.bigInt(),
      fc.constant(() => 1),
    );
    fc.assert(
      fc.property(fc.dictionary(key, value), (input) => {
        const result = parseConfig(input);
        if (result.isErr()) expect(result.error.issues).not.to.deep.equal([]);
      }),
      { numRuns: 300 },
    );
  });
});
