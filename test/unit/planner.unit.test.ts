// The planner compares sets: what exists with what is applied, never a high-water mark.
import { expect } from 'chai';
import fc from 'fast-check';
import { okAsync } from 'neverthrow';
import { compareVersions, versionKey } from '#src/core/brands.js';
import type { AppliedStep } from '#src/core/history/history.js';
import type { StepCandidate } from '#src/core/ports/step-source.js';
import { MigrationStep } from '#src/core/steps/migration-step.js';
import {
  compareSteps,
  currentVersion,
  planDown,
  planStamp,
  planUp,
  type PlanOptions,
} from '#src/core/steps/planner.js';

const file = (version: string, checksum = `sha256:${versionKey(version)}`): StepCandidate => ({
  version,
  description: `step ${version}`,
  component: 'main',
  checksum,
  file: `migrations/${version}.sql`,
  load: () => okAsync(new MigrationStep(version, 'd', { apply: () => undefined })),
});
const done = (version: string, more: Partial<AppliedStep> = {}): AppliedStep => ({
  component: 'main',
  version,
  description: `step ${version}`,
  checksum: `sha256:${versionKey(version)}`,
  state: 'applied',
  appliedAt: '2026-01-01T00:00:00.000Z',
  durationMs: 1,
  position: 1,
  ...more,
});
const files = (...versions: readonly string[]): StepCandidate[] => versions.map((version) => file(version));
const applied = (...versions: readonly string[]): AppliedStep[] => versions.map((version) => done(version));
const OPTIONS: PlanOptions = { outOfOrder: 'refuse', onAhead: 'warn' };
const versions = (steps: readonly { readonly version: string }[]): readonly string[] =>
  steps.map((step) => step.version);
const states = (...args: Parameters<typeof compareSteps>): readonly string[] =>
  compareSteps(...args).map((step) => `${step.version} ${step.state}`);
const planned = (...args: Parameters<typeof planUp>): readonly string[] =>
  versions(planUp(...args)._unsafeUnwrap().steps);

describe('compareSteps', () => {
  it('tells what is applied, stamped and pending, lowest first', () => {
    expect(states(files('1', '2', '9', '100'), [done('1'), done('9', { state: 'stamped' })])).to.deep.equal([
      '1 applied',
      '2 pending',
      '9 stamped',
      '100 pending',
    ]);
  });

  it('sees a step whose content changed, also when it was stamped', () => {
    expect(
      states([file('1', 'sha256:new'), file('2', 'sha256:new')], [done('1'), done('2', { state: 'stamped' })]),
    ).to.deep.equal(['1 changed', '2 changed']);
  });

  it('calls an applied step without a file missing below the highest file, ahead above it', () => {
    expect(states(files('1', '3'), applied('1', '2', '4'))).to.deep.equal([
      '1 applied',
      '2 missing',
      '3 pending',
      '4 ahead',
    ]);
    expect(states([], applied('1'))).to.deep.equal(['1 ahead']);
  });

  it('takes versions for equal that are equal as numbers', () => {
    expect(states(files('0002'), applied('2'))).to.deep.equal(['0002 applied']);
  });

  it('names the step that was interrupted', () => {
    expect(states(files('1', '2', '3'), applied('1'), '02')).to.deep.equal(['1 applied', '2 interrupted', '3 pending']);
    expect(states(files('1'), applied('1'), '1')).to.deep.equal(['1 applied']);
  });

  it('says when and how long, and of what file, where there is such a thing', () => {
    const [first, second] = compareSteps(files('1'), [done('1', { durationMs: 7 }), done('2')]);
    expect(first).to.include({ appliedAt: '2026-01-01T00:00:00.000Z', durationMs: 7, file: 'migrations/1.sql' });
    expect(second).to.include({ file: null, state: 'ahead' });
    expect(compareSteps(files('1'), [])[0]).to.include({ appliedAt: null, durationMs: null });
  });
});

describe('planUp', () => {
  it('takes everything that is pending, in order', () => {
    expect(planned(files('1', '2', '10'), applied('1'), OPTIONS)).to.deep.equal(['2', '10']);
    expect(planned(files('1'), applied('1'), OPTIONS)).to.deep.equal([]);
    expect(planned([], [], OPTIONS)).to.deep.equal([]);
  });

  it('stops after the version that was named, however it is written', () => {
    expect(planned(files('1', '2', '3'), [], { ...OPTIONS, to: '002' })).to.deep.equal(['1', '2']);
    expect(planned(files('1', '2', '3'), applied('1', '2'), { ...OPTIONS, to: '1' })).to.deep.equal([]);
  });

  it('refuses a version that there is not', () => {
    for (const to of ['4', '', '2x', 'head', '-1']) {
      expect(planUp(files('1', '2'), [], { ...OPTIONS, to })._unsafeUnwrapErr()).to.deep.equal({
        kind: 'unknown-version',
        version: to,
        known: ['1', '2'],
      });
    }
  });

  it('refuses when an applied step changed, naming every one and its file', () => {
    const plan = planUp([file('1', 'x'), file('2', 'y'), file('3')], applied('1', '2'), OPTIONS);
    expect(plan._unsafeUnwrapErr()).to.deep.equal({
      kind: 'changed-step',
      versions: ['1', '2'],
      files: ['migrations/1.sql', 'migrations/2.sql'],
    });
  });

  it('refuses when an applied step below the head is missing, and finds the file that it was renamed to', () => {
    expect(planUp(files('1', '3'), applied('1', '2'), OPTIONS)._unsafeUnwrapErr()).to.deep.equal({
      kind: 'missing-step',
      versions: ['2'],
    });
    const renamed = planUp([file('1'), file('5', 'sha256:2')], applied('1', '2'), OPTIONS);
    expect(renamed._unsafeUnwrapErr()).to.deep.equal({
      kind: 'missing-step',
      versions: ['2'],
      renamedTo: 'migrations/5.sql',
    });
  });

  it('applies no file again that was only given a lower number', () => {
    const plan = planUp([file('1'), file('4', 'sha256:5')], applied('1', '5'), { ...OPTIONS, outOfOrder: 'allow' });
    expect(plan._unsafeUnwrapErr()).to.deep.equal({
      kind: 'missing-step',
      versions: ['5'],
      renamedTo: 'migrations/4.sql',
    });
  });

  it('goes on when the database is ahead, and says so; or refuses, as it was told', () => {
    const plan = planUp(files('1', '2'), applied('1', '2', '7'), OPTIONS)._unsafeUnwrap();
    expect(plan).to.deep.equal({ steps: [], ahead: ['7'], outOfOrder: false });
    expect(
      planUp(files('1', '2'), applied('1', '7'), { ...OPTIONS, onAhead: 'refuse' })._unsafeUnwrapErr(),
    ).to.deep.equal({ kind: 'ahead', versions: ['7'] });
  });

  it('refuses a new step below the head, or applies it late and says so', () => {
    const late = planUp(files('1', '2', '3', '4'), applied('1', '3'), OPTIONS);
    expect(late._unsafeUnwrapErr()).to.deep.equal({ kind: 'out-of-order', versions: ['2'], current: '3' });
    const allowed = planUp(files('1', '2', '3', '4'), applied('1', '3'), {
      ...OPTIONS,
      outOfOrder: 'allow',
    })._unsafeUnwrap();
    expect(allowed).to.include({ outOfOrder: true });
    expect(versions(allowed.steps)).to.deep.equal(['2', '4']);
    expect(
      planUp(files('1', '2'), applied('1'), { ...OPTIONS, outOfOrder: 'allow' })._unsafeUnwrap().outOfOrder,
    ).to.equal(false);
  });
});

describe('planDown', () => {
  const all = applied('1', '2', '9', '100');

  it('takes as many as were asked for, highest first', () => {
    expect(versions(planDown(all, { count: 1 })._unsafeUnwrap())).to.deep.equal(['100']);
    expect(versions(planDown(all, { count: 9 })._unsafeUnwrap())).to.deep.equal(['100', '9', '2', '1']);
  });

  it('leaves the named version applied, and none for base', () => {
    expect(versions(planDown(all, { to: '02' })._unsafeUnwrap())).to.deep.equal(['100', '9']);
    expect(versions(planDown(all, { to: '100' })._unsafeUnwrap())).to.deep.equal([]);
    expect(versions(planDown(all, { to: 'base' })._unsafeUnwrap())).to.deep.equal(['100', '9', '2', '1']);
  });

  it('refuses a version that is not applied', () => {
    expect(planDown(all, { to: '3' })._unsafeUnwrapErr()).to.deep.equal({
      kind: 'unknown-version',
      version: '3',
      known: ['1', '2', '9', '100'],
      of: 'applied',
    });
    expect(planDown([], { to: '1' }).isErr()).to.equal(true);
  });
});

describe('planStamp', () => {
  it('takes all up to and with the version; head takes all, base none', () => {
    expect(versions(planStamp(files('1', '2', '10'), '002')._unsafeUnwrap())).to.deep.equal(['1', '2']);
    expect(versions(planStamp(files('1', '2', '10'), 'head')._unsafeUnwrap())).to.deep.equal(['1', '2', '10']);
    expect(planStamp(files('1'), 'base')._unsafeUnwrap()).to.deep.equal([]);
  });

  it('refuses a version that has no step', () => {
    expect(planStamp(files('1', '3'), '2')._unsafeUnwrapErr()).to.deep.equal({
      kind: 'unknown-version',
      version: '2',
      known: ['1', '3'],
    });
  });
});

const number = fc.nat(14).map((n) => String(n + 1));
const sorted = (all: readonly string[]): string[] => all.toSorted(compareVersions);
const world = fc.record({
  known: fc.uniqueArray(number).map(sorted),
  has: fc.uniqueArray(number).map(sorted),
  changed: fc.uniqueArray(number),
});

describe('every plan', () => {
  it('is exactly what is pending up to the target, sorted', () => {
    fc.assert(
      fc.property(world, fc.option(number, { nil: undefined }), ({ known, has }, to) => {
        const plan = planUp(files(...known), applied(...has), { ...OPTIONS, outOfOrder: 'allow', to });
        if (plan.isErr()) {
          const top = currentVersion(known.map((version) => ({ version }))) ?? '0';
          const missing = has.some((version) => !known.includes(version) && compareVersions(version, top) < 0);
          expect(missing || (to !== undefined && !known.includes(to) && !has.includes(to))).to.equal(true);
          return;
        }
        const expected = known.filter(
          (version) => !has.includes(version) && (to === undefined || compareVersions(version, to) <= 0),
        );
        expect(versions(plan.value.steps)).to.deep.equal(expected);
      }),
    );
  });

  it('is refused or the same whether late steps are allowed or not', () => {
    fc.assert(
      fc.property(world, ({ known, has }) => {
        const [strict, lax] = [
          planUp(files(...known), applied(...has), OPTIONS),
          planUp(files(...known), applied(...has), { ...OPTIONS, outOfOrder: 'allow' }),
        ];
        if (strict.isOk()) expect(versions(lax._unsafeUnwrap().steps)).to.deep.equal(versions(strict.value.steps));
        else if (lax.isOk()) expect([strict.error.kind, lax.value.outOfOrder]).to.deep.equal(['out-of-order', true]);
      }),
    );
  });

  it('is about a status that covers every step once, sorted', () => {
    fc.assert(
      fc.property(world, ({ known, has, changed }) => {
        const now = known.map((version) => file(version, changed.includes(version) ? 'sha256:new' : undefined));
        const status = compareSteps(now, applied(...has));
        expect(versions(status)).to.deep.equal(sorted([...new Set([...known, ...has])]));
        for (const { version, state } of status) {
          const expected = known.includes(version)
            ? has.includes(version)
              ? changed.includes(version)
                ? ['changed']
                : ['applied']
              : ['pending']
            : ['missing', 'ahead'];
          expect(expected).to.include(state);
        }
      }),
    );
  });

  it('down to a version leaves exactly the steps up to it', () => {
    fc.assert(
      fc.property(fc.uniqueArray(number, { minLength: 1 }), fc.nat(), (has, n) => {
        const to = has[n % has.length] ?? '';
        const gone = new Set(versions(planDown(applied(...has), { to })._unsafeUnwrap()));
        for (const version of has) expect(gone.has(version)).to.equal(compareVersions(version, to) > 0);
      }),
    );
  });
});
