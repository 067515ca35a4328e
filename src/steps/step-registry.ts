// Steps registered in code, alone or beside a directory of files, as one source.
import { err, ok, okAsync, type Result, type ResultAsync } from 'neverthrow';
import { compareVersions, versionKey } from '../core/brands.js';
import type { StepCandidate, StepSource, StepSourceError } from '../core/ports/step-source.js';
import type { MigrationStep } from '../core/steps/migration-step.js';

export class RegisteredSteps implements StepSource {
  readonly #steps: MigrationStep[] = [];
  readonly #files: StepSource | undefined;

  /** `files`: the source that the registered steps are added to. */
  constructor(files?: StepSource) {
    this.#files = files;
  }

  add(step: MigrationStep): void {
    this.#steps.push(step);
  }

  candidates(): ResultAsync<readonly StepCandidate[], StepSourceError> {
    const files = this.#files?.candidates() ?? okAsync<readonly StepCandidate[], StepSourceError>([]);
    return files.andThen((fromFiles) => merged([...fromFiles, ...this.#steps.map(candidateOf)]));
  }
}

const candidateOf = (step: MigrationStep): StepCandidate => ({
  version: step.version,
  description: step.description,
  component: step.component,
  checksum: step.checksum,
  load: () => okAsync(step),
});

function merged(candidates: readonly StepCandidate[]): Result<readonly StepCandidate[], StepSourceError> {
  const seen = new Map<string, StepCandidate>();
  for (const candidate of candidates) {
    const key = `${candidate.component}/${versionKey(candidate.version)}`;
    const other = seen.get(key);
    if (other !== undefined) {
      const name = (one: StepCandidate): string => one.file ?? `${one.description} (registered in code)`;
      return err({ kind: 'duplicate-version', version: candidate.version, files: [name(other), name(candidate)] });
    }
    seen.set(key, candidate);
  }
  return ok(candidates.toSorted((a, b) => compareVersions(a.version, b.version)));
}
