// Where steps come from: directories of files, or code.
import type { ResultAsync } from 'neverthrow';
import type { MigrationStep } from '../steps/migration-step.js';

/** A step that is known by name and checksum; its body is loaded only when it is to be run. */
export interface StepCandidate {
  readonly version: string;
  readonly description: string;
  readonly component: string;
  readonly checksum: string;
  /** The file, relative to the working directory; undefined for a step in code. */
  readonly file?: string;
  load(): ResultAsync<MigrationStep, StepSourceError>;
}

export type StepSourceError =
  | { readonly kind: 'steps-missing'; readonly directory: string }
  | { readonly kind: 'step-file-name'; readonly file: string; readonly reason: string }
  | { readonly kind: 'step-file-encoding'; readonly file: string }
  | { readonly kind: 'step-empty'; readonly file: string }
  | {
      readonly kind: 'step-directive';
      readonly file: string;
      readonly line: number;
      readonly text: string;
      readonly reason: string;
    }
  | {
      readonly kind: 'step-script';
      readonly file: string;
      readonly line: number;
      readonly reason: string;
      readonly keyword?: string;
      /** What to do about it, where the usual does not help. */
      readonly advice?: string;
    }
  | { readonly kind: 'step-load'; readonly file: string; readonly cause: unknown }
  | { readonly kind: 'step-shape'; readonly file: string; readonly reason: string }
  | { readonly kind: 'duplicate-version'; readonly version: string; readonly files: readonly string[] };

export interface StepSource {
  /** Names and checksums of all steps, sorted by version. */
  candidates(): ResultAsync<readonly StepCandidate[], StepSourceError>;
}
