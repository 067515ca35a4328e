// A step written in TypeScript or JavaScript: loaded without a flag or a build, `defineStep` or knex-style.
import path from 'node:path';
import { err, ok, ResultAsync, type Result } from 'neverthrow';
import type { StepSourceError } from '../core/ports/step-source.js';
import { STEP_MEMBERS, type StepDefinition } from '../core/steps/migration-step.js';

/** Evaluates `text` as the module `file`, in any of the forms that Node and TypeScript have; the file is not read again. */
export type ModuleLoader = (file: string, text: string) => Promise<unknown>;

/** The definition that a module exports: `default defineStep({…})`, or `up` and `down` as knex has them. */
export function loadModuleStep(
  file: string,
  label: string,
  text: string,
  load: ModuleLoader,
): ResultAsync<StepDefinition, StepSourceError> {
  return ResultAsync.fromPromise(load(path.resolve(file), text), (cause): StepSourceError => ({
    kind: 'step-load',
    file: label,
    cause,
  })).andThen((exported) =>
    definitionOf(exported).mapErr((reason): StepSourceError => ({ kind: 'step-shape', file: label, reason })),
  );
}

function definitionOf(exported: unknown): Result<StepDefinition, string> {
  const module = asRecord(exported);
  if (module === undefined) return err('it exports nothing');
  const main = asRecord(module['default']);
  for (const candidate of [main, module]) {
    if (candidate === undefined) continue;
    // A module's namespace may export more than the step; an object that is the step may not.
    // The loader shows members of the default as the module's own, and every function has an `apply`: own members count.
    if (Object.hasOwn(candidate, 'apply') && isWork(candidate['apply']))
      return checked(candidate === main ? candidate : membersOf(candidate));
    if (typeof candidate['up'] === 'function') return checked(fromKnexStyle(candidate));
  }
  return err('it exports neither a step nor `up`');
}

/** knex passes its handle to `up` and `down`; `config.transaction: false` is how knex says "outside a transaction". */
function fromKnexStyle(module: Readonly<Record<string, unknown>>): StepDefinition {
  const config = asRecord(module['config']);
  const declares = asRecord(module['declares']);
  const outside =
    module['transaction'] === 'none' || module['transaction'] === false || config?.['transaction'] === false;
  return {
    apply: module['up'] as StepDefinition['apply'] & ((...args: never[]) => unknown),
    ...(typeof module['down'] === 'function'
      ? { revert: module['down'] as StepDefinition['apply'] & ((...args: never[]) => unknown) }
      : {}),
    ...(declares ? { declares } : {}),
    ...(outside ? { transaction: 'none' as const } : {}),
    ...(module['foreignKeys'] === 'on' ? { foreignKeys: 'on' as const } : {}),
  };
}

/** What a misspelt or mistyped member would silently do is refused here. */
function checked(definition: Readonly<Partial<Record<keyof StepDefinition, unknown>>>): Result<StepDefinition, string> {
  const stranger = Object.keys(definition).find((key) => !STEP_MEMBERS.has(key));
  if (stranger !== undefined) return err(`\`${stranger}\` is not a member of a step`);
  const { revert, declares, revertDeclares, transaction, revertTransaction, foreignKeys, timeoutMs, validate, isDone } =
    definition;
  if (revert !== undefined && !isWork(revert)) return err('`revert` is not a function');
  if (validate !== undefined && !isWork(validate)) return err('`validate` is not a function');
  if (isDone !== undefined && !isWork(isDone)) return err('`isDone` is not a function');
  if (transaction !== undefined && transaction !== 'own' && transaction !== 'none')
    return err("`transaction` is 'own' or 'none'");
  if (revertTransaction !== undefined && revertTransaction !== 'own' && revertTransaction !== 'none')
    return err("`revertTransaction` is 'own' or 'none'");
  if (foreignKeys !== undefined && foreignKeys !== 'on' && foreignKeys !== 'off')
    return err("`foreignKeys` is 'on' or 'off'");
  if (timeoutMs !== undefined && !(typeof timeoutMs === 'number' && timeoutMs > 0))
    return err('`timeoutMs` is a positive number of milliseconds');
  for (const [member, declared] of Object.entries({ declares, revertDeclares })) {
    for (const [key, value] of Object.entries(declared ?? {})) {
      if (!['touches', 'mayLoseRows', 'mayDrop', 'mayNull'].includes(key))
        return err(`\`${member}.${key}\` is not known`);
      if (!Array.isArray(value) || !value.every((name) => typeof name === 'string'))
        return err(`\`${member}.${key}\` is a list of names`);
    }
  }
  // Each member has been looked at.
  return ok(definition as StepDefinition);
}

const membersOf = (module: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(module).filter(([key]) => STEP_MEMBERS.has(key)));

const isWork = (value: unknown): boolean => typeof value === 'function';
const asRecord = (value: unknown): Readonly<Record<string, unknown>> | undefined =>
  // Not a function: every function has an `apply`.
  value !== null && typeof value === 'object' ? (value as Readonly<Record<string, unknown>>) : undefined;
