// A history of a real database and the model of it side by side: each operation changes both, and afterwards they must agree.
import { rmSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { MigrationStep, type BackupChoice, type MigrateError, type StepDefinition } from 'migrate-safe';
import { failure, value } from './project.js';
import type { RealProject } from './real-databases.js';
import type { Truth } from './truth.js';

/** One step, and what it must do to the rows. */
export interface ModelStep {
  readonly name: string;
  /** Step files without their number, such as `up.sql`; or the step in code. */
  readonly files?: Readonly<Record<string, string>>;
  readonly code?: StepDefinition;
  readonly apply: (truth: Truth) => unknown;
  readonly revert?: (truth: Truth) => unknown;
}

/** What a moment of the history holds. */
export interface State {
  readonly truth: Truth;
  readonly applied: number;
}

const versionOf = (index: number): string => String(index + 1).padStart(4, '0');

export class ModelHistory {
  readonly real: RealProject;
  readonly #steps: ModelStep[] = [];
  /** What each backup holds. */
  readonly #backups = new Map<string, State>();
  #applied = 0;

  private constructor(real: RealProject) {
    this.real = real;
  }

  /** Begins with the database as it is: a stamp of nothing. */
  static async begin(real: RealProject): Promise<ModelHistory> {
    const history = new ModelHistory(real);
    value(await real.run((safe) => safe.stamp('base')));
    await history.check();
    return history;
  }

  get applied(): number {
    return this.#applied;
  }

  get steps(): number {
    return this.#steps.length;
  }

  get pending(): number {
    return this.#steps.length - this.#applied;
  }

  add(...steps: readonly ModelStep[]): void {
    for (const step of steps) {
      this.#write(step, this.#steps.length);
      this.#steps.push(step);
    }
  }

  #write(step: ModelStep, index: number): void {
    this.real.p.write(
      Object.fromEntries(
        Object.entries(step.files ?? {}).map(([suffix, content]) => [
          `${versionOf(index)}_${step.name}.${suffix}`,
          content,
        ]),
      ),
    );
  }

  #registered(extra: readonly ModelStep[] = []): MigrationStep[] {
    return [...this.#steps, ...extra].flatMap(({ name, code }, index) =>
      code === undefined ? [] : [new MigrationStep(versionOf(index), name, code)],
    );
  }

  /** Applies what is pending up to and with step `to`, counted from 1. */
  async up(to = this.#steps.length): Promise<void> {
    const steps = this.#steps.slice(this.#applied, to);
    const report = value(
      await this.real.run(
        (safe) => safe.up(to === this.#steps.length ? {} : { to: versionOf(to - 1) }),
        this.#registered(),
      ),
    );
    expect(report.applied.map(({ version }) => version)).to.deep.equal(
      steps.map((_, i) => versionOf(this.#applied + i)),
    );
    steps.forEach((step, i) => this.#followed(report.applied[i], step.apply, 1));
    await this.check();
  }

  /** Reverts `count` steps. */
  async down(count: number): Promise<void> {
    const steps = this.#steps.slice(this.#applied - count, this.#applied).toReversed();
    const report = value(await this.real.run((safe) => safe.down({ target: { count } }), this.#registered()));
    expect(report.reverted).to.have.length(count);
    steps.forEach((step, i) => this.#followed(report.reverted[i], step.revert ?? (() => undefined), -1));
    await this.check();
  }

  #followed(
    reported: { readonly backups: readonly string[]; readonly effects: { readonly tables: unknown } } | undefined,
    change: (truth: Truth) => unknown,
    by: 1 | -1,
  ): void {
    const before = this.#state();
    change(this.real.truth);
    for (const id of reported?.backups ?? []) this.#backups.set(id, before);
    expect(reported?.effects.tables).to.deep.equal(before.truth.effectsUntil(this.real.truth));
    this.#applied += by;
  }

  #state(): State {
    return { truth: this.real.truth.copy(), applied: this.#applied };
  }

  /** How many of the newest applied steps can be reverted. */
  get revertible(): number {
    const down = this.#steps.slice(0, this.#applied).toReversed();
    const stuck = down.findIndex((step) => step.revert === undefined);
    return stuck < 0 ? down.length : stuck;
  }

  /** An operation that must be refused; nothing but the journal may change. */
  async refused(operation: 'up' | { readonly down: number }, step?: ModelStep): Promise<MigrateError> {
    if (step !== undefined) this.#write(step, this.#steps.length);
    const known = await this.#listed();
    const registered = this.#registered(step === undefined ? [] : [step]);
    const error =
      operation === 'up'
        ? failure(await this.real.run((safe) => safe.up(), registered))
        : failure(await this.real.run((safe) => safe.down({ target: { count: operation.down } }), registered));
    for (const id of await this.#listed()) if (!known.includes(id)) this.#backups.set(id, this.#state());
    if (step?.files !== undefined)
      for (const suffix of Object.keys(step.files))
        rmSync(path.join(this.real.p.steps, `${versionOf(this.#steps.length)}_${step.name}.${suffix}`));
    await this.check();
    return error;
  }

  async #listed(): Promise<readonly string[]> {
    return value(await this.real.p.manager().listBackups()).backups.map(({ manifest }) => manifest.id);
  }

  /** Puts back the whole, or tables; `also` is what comes back with these beside their rows. */
  async restore(
    choice: BackupChoice,
    tables?: readonly string[],
    also: (truth: Truth) => unknown = () => undefined,
  ): Promise<void> {
    const before = this.#state();
    const report = value(
      await this.real.run(
        (safe) => safe.restore({ choice, ...(tables === undefined ? {} : { tables }) }),
        this.#registered(),
      ),
    );
    const then = this.#backups.get(report.backup.manifest.id);
    if (then === undefined) throw new Error(`nobody knows what backup ${report.backup.manifest.id} holds`);
    if ('beforeStep' in choice) expect(then.applied, 'steps in the backup').to.equal(Number(choice.beforeStep) - 1);
    this.#backups.set(report.safetyBackupId ?? '', before);
    if (tables === undefined) {
      this.real.truth = then.truth.copy();
      this.#applied = then.applied;
    } else for (const table of tables) this.real.truth.takeFrom(then.truth, table);
    also(this.real.truth);
    await this.check();
  }

  /** Tables that cannot be put back from a backup: nothing may change. */
  async restoreRefused(choice: BackupChoice, tables: readonly string[]): Promise<MigrateError> {
    const error = failure(await this.real.run((safe) => safe.restore({ choice, tables }), this.#registered()));
    for (const id of await this.#listed()) if (!this.#backups.has(id)) this.#backups.set(id, this.#state());
    await this.check();
    return error;
  }

  /** Backups that are there now and what they hold, oldest first. */
  async backups(): Promise<readonly (State & { readonly id: string })[]> {
    const listed = (await this.#listed()).toReversed();
    return listed.flatMap((id) => {
      const state = this.#backups.get(id);
      return state === undefined ? [] : [{ id, ...state }];
    });
  }

  /** Somebody else's write. */
  async outside(sql: string, change: (truth: Truth) => unknown): Promise<void> {
    this.real.p.sql(sql);
    change(this.real.truth);
    await this.check();
  }

  /** Every row is as the model says, the journal is whole, and the status names the steps that the model says are applied. */
  async check(): Promise<void> {
    await this.real.check();
    const safe = this.real.p.manager();
    for (const step of this.#registered()) safe.addMigration(step);
    const status = value(await safe.status());
    expect(status.steps.map(({ version, state }) => `${version} ${state}`)).to.deep.equal(
      this.#steps.map((_, i) => `${versionOf(i)} ${i < this.#applied ? 'applied' : 'pending'}`),
    );
  }
}
