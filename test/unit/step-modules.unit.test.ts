// Steps in code: the shapes that a module may have, and steps that are registered beside files.
import { expect } from 'chai';
import { errAsync, okAsync } from 'neverthrow';
import type { OutsideTransaction, ScriptStatement } from '#src/core/ports/script-splitter.js';
import type { StepCandidate, StepSource, StepSourceError } from '#src/core/ports/step-source.js';
import { MigrationStep, type StepDefinition } from '#src/core/steps/migration-step.js';
import { loadModuleStep } from '#src/steps/module-step.js';
import { RegisteredSteps } from '#src/steps/step-registry.js';

const apply = (): void => undefined;
const revert = (): void => undefined;
const load = async (exported: unknown): Promise<StepDefinition> =>
  (await loadModuleStep('0001_x.ts', '0001_x.ts', '', () => Promise.resolve(exported)))._unsafeUnwrap();
const refused = async (exported: unknown): Promise<StepSourceError> =>
  (await loadModuleStep('0001_x.ts', '0001_x.ts', '', () => Promise.resolve(exported)))._unsafeUnwrapErr();

describe('loadModuleStep', () => {
  it('takes a default export made by defineStep', async () => {
    const definition: StepDefinition = {
      apply,
      revert,
      declares: { touches: ['t'] },
      transaction: 'none',
      foreignKeys: 'on',
      timeoutMs: 5,
    };
    expect(await load({ default: definition })).to.equal(definition);
  });

  it('takes a step that is the whole module, as CommonJS has it', async () => {
    expect(await load({ apply })).to.deep.equal({ apply });
    expect(await load({ default: { up: apply, down: revert } })).to.deep.equal({ apply, revert });
  });

  it('takes knex-style up and down, with what they may export beside them', async () => {
    expect(await load({ up: apply })).to.deep.equal({ apply });
    expect(
      await load({
        up: apply,
        down: revert,
        declares: { mayDrop: ['t'] },
        transaction: 'none',
        foreignKeys: 'on',
        other: 1,
      }),
    ).to.deep.equal({
      apply,
      revert,
      declares: { mayDrop: ['t'] },
      transaction: 'none',
      foreignKeys: 'on',
    });
  });

  it("takes knex's own way of saying that there is no transaction", async () => {
    expect(await load({ up: apply, config: { transaction: false } })).to.include({ transaction: 'none' });
    expect(await load({ up: apply, config: { transaction: true } })).not.to.have.property('transaction');
  });

  it('refuses a module that is no step', async () => {
    for (const exported of [
      undefined,
      null,
      42,
      'text',
      {},
      { default: {} },
      { default: undefined },
      { apply: 'no' },
      { down: revert },
      { default: new Date() },
    ]) {
      expect(await refused(exported)).to.include({ kind: 'step-shape', file: '0001_x.ts' });
    }
  });

  it('refuses what is mistyped, and names it', async () => {
    const wrong: readonly (readonly [object, string])[] = [
      [{ revert: 'DROP TABLE t' }, 'revert'],
      [{ transaction: false }, 'transaction'],
      [{ foreignKeys: true }, 'foreignKeys'],
      [{ timeoutMs: '5s' }, 'timeoutMs'],
      [{ timeoutMs: 0 }, 'timeoutMs'],
      [{ timeoutMs: Number.NaN }, 'timeoutMs'],
      [{ declares: { mayLooseRows: ['t'] } }, 'mayLooseRows'],
      [{ declares: { mayDrop: 't' } }, 'mayDrop'],
      [{ declares: { mayDrop: [1] } }, 'mayDrop'],
      [{ declares: 'orders' }, 'declares'],
    ];
    for (const [more, named] of wrong) {
      const error = await refused({ default: { apply, ...more } });
      expect(error).to.have.property('kind', 'step-shape');
      expect(error).to.have.property('reason').that.contains(named);
    }
  });

  it('refuses a member that is misspelt: what it says would silently not happen', async () => {
    for (const key of ['revrt', 'down', 'timeout', 'validates']) {
      expect(await refused({ default: { apply, [key]: revert } }))
        .to.have.property('reason')
        .that.contains(key);
    }
    for (const key of ['validate', 'isDone'])
      expect(await refused({ default: { apply, [key]: 'yes' } }))
        .to.have.property('reason')
        .that.contains(key);
  });

  it('says what a module threw while it was loaded', async () => {
    const cause = new SyntaxError('unexpected token');
    const result = await loadModuleStep('0001_x.ts', '0001_x.ts', '', () => Promise.reject(cause));
    expect(result._unsafeUnwrapErr()).to.deep.equal({ kind: 'step-load', file: '0001_x.ts', cause });
  });
});

describe('MigrationStep', () => {
  it('refuses a version that is not made of digits, and a step without apply', () => {
    expect(() => new MigrationStep('1a', 'd', { apply })).to.throw(TypeError, '1a');
    expect(() => new MigrationStep(-1, 'd', { apply })).to.throw(TypeError);
    for (const definition of [null, undefined, {}, { apply: 1 }])
      expect(() => new MigrationStep(1, 'd', definition as unknown as StepDefinition)).to.throw(TypeError, 'apply');
  });

  it('has a checksum of version, description and revision, whatever a build makes of its code', () => {
    const one = new MigrationStep(4, 'add', { apply });
    expect(one.checksum).to.match(/^sha256:[0-9a-f]{64}$/);
    expect(new MigrationStep('4', 'add', { apply: () => 1, revert }).checksum).to.equal(one.checksum);
    const others = [
      new MigrationStep(5, 'add', { apply }),
      new MigrationStep(4, 'other', { apply }),
      new MigrationStep(4, 'add', { apply, revision: '2' }),
    ];
    expect(new Set([one, ...others].map((step) => step.checksum)).size).to.equal(4);
  });

  it('is of component main, and in a transaction, unless it says otherwise', () => {
    const plain = new MigrationStep(1, 'd', { apply });
    expect(plain.component).to.equal('main');
    expect([plain.isTransactional('apply'), plain.isTransactional('revert')]).to.deep.equal([true, true]);
    const outside = new MigrationStep(1, 'd', { apply, component: 'billing', transaction: 'none' });
    expect(outside.component).to.equal('billing');
    expect([outside.isTransactional('apply'), outside.isTransactional('revert')]).to.deep.equal([false, false]);
    const halves = new MigrationStep(1, 'd', { apply, transaction: 'none', revertTransaction: 'own' });
    expect([halves.isTransactional('apply'), halves.isTransactional('revert')]).to.deep.equal([false, true]);
  });

  it('loses nothing only where every statement of its script says so', () => {
    const harmless = { needed: 'must', losesNothing: true, repeatable: false } as const;
    const statement = (outside?: OutsideTransaction): ScriptStatement => ({
      sql: 'x',
      line: 1,
      index: 1,
      ...(outside ? { outside } : {}),
    });
    const step = new MigrationStep(1, 'd', {
      apply: [statement(harmless), statement({ needed: 'may', losesNothing: true, repeatable: true })],
      revert: [statement(harmless), statement()],
      transaction: 'none',
    });
    expect([step.losesNothing('apply'), step.losesNothing('revert')]).to.deep.equal([true, false]);
    expect(step.isRepeatable('apply')).to.equal(false);
    const code = new MigrationStep(1, 'd', { apply, transaction: 'none' });
    expect([code.losesNothing('apply'), code.losesNothing('revert')]).to.deep.equal([false, false]);
  });
});

describe('RegisteredSteps', () => {
  const step = (version: string, component = 'main'): MigrationStep =>
    new MigrationStep(version, `step ${version}`, { apply, component });
  const files = (...versions: readonly string[]): StepSource => ({
    candidates: () =>
      okAsync(
        versions.map((version): StepCandidate => ({
          version,
          description: 'd',
          component: 'main',
          checksum: 'c',
          file: `${version}.sql`,
          load: () => okAsync(step(version)),
        })),
      ),
  });
  const registered = (source: RegisteredSteps, ...steps: readonly MigrationStep[]): RegisteredSteps => {
    for (const one of steps) source.add(one);
    return source;
  };

  it('gives registered steps and files as one list, sorted as numbers', async () => {
    const candidates = (
      await registered(new RegisteredSteps(files('0002', '100')), step('9'), step('1')).candidates()
    )._unsafeUnwrap();
    expect(candidates.map(({ version }) => version)).to.deep.equal(['1', '0002', '9', '100']);
    expect((await candidates[0]?.load())?._unsafeUnwrap()).to.be.instanceOf(MigrationStep);
    expect((await new RegisteredSteps().candidates())._unsafeUnwrap()).to.deep.equal([]);
  });

  it('refuses a version that is claimed twice, however it is written, and names both', async () => {
    const twice = (await registered(new RegisteredSteps(files('0002')), step('2')).candidates())._unsafeUnwrapErr();
    expect(twice).to.deep.equal({
      kind: 'duplicate-version',
      version: '2',
      files: ['0002.sql', 'step 2 (registered in code)'],
    });
    expect((await registered(new RegisteredSteps(), step('1'), step('01')).candidates()).isErr()).to.equal(true);
  });

  it('lets two components have the same version', async () => {
    expect(
      (await registered(new RegisteredSteps(), step('1'), step('1', 'billing')).candidates())._unsafeUnwrap(),
    ).to.have.length(2);
  });

  it('passes on why files could not be read', async () => {
    const broken: StepSource = { candidates: () => errAsync({ kind: 'steps-missing', directory: 'x' }) };
    expect((await new RegisteredSteps(broken).candidates())._unsafeUnwrapErr()).to.deep.equal({
      kind: 'steps-missing',
      directory: 'x',
    });
  });
});
