// A directory of step files as a source of steps: named and hashed at once, parsed or loaded only when they are to be run.
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { err, errAsync, ok, okAsync, ResultAsync, type Result } from 'neverthrow';
import { compareVersions, versionKey } from '../core/brands.js';
import type { ScriptSplitter } from '../core/ports/script-splitter.js';
import type { StepCandidate, StepSource, StepSourceError } from '../core/ports/step-source.js';
import { MigrationStep, type StepDefinition } from '../core/steps/migration-step.js';
import { labelOf } from './label.js';
import { moduleLanguage } from './module-language.js';
import { loadModuleStep, type ModuleLoader } from './module-step.js';
import { readSqlStep } from './sql-step.js';
import { parseStepFileName, type StepFileName } from './step-file-name.js';
import { checksumOf, readStepText } from './step-text.js';

export interface DirectoryOptions {
  readonly directory: string;
  readonly component: string;
  readonly splitter: ScriptSplitter;
  readonly loadModule: ModuleLoader;
  /** A directory that is not there is an error, or has no steps. */
  readonly missing: 'refuse' | 'empty';
}

interface StepFile extends StepFileName {
  readonly name: string;
  readonly file: string;
  readonly label: string;
}

export class DirectorySource implements StepSource {
  readonly #options: DirectoryOptions;

  constructor(options: DirectoryOptions) {
    this.#options = options;
  }

  candidates(): ResultAsync<readonly StepCandidate[], StepSourceError> {
    const candidates = this.#list().andThen((files) => this.#pair(files));
    return candidates.isOk() ? okAsync(candidates.value) : errAsync(candidates.error);
  }

  #list(): Result<readonly StepFile[], StepSourceError> {
    const { directory, missing } = this.#options;
    let names: string[];
    try {
      names = readdirSync(directory);
    } catch (thrown) {
      const { code } = thrown as { readonly code?: string };
      if (code === 'ENOENT' || code === 'ENOTDIR')
        return missing === 'empty' ? ok([]) : err({ kind: 'steps-missing', directory: labelOf(directory) });
      return err({ kind: 'step-load', file: labelOf(directory), cause: thrown });
    }
    const files: StepFile[] = [];
    const [folder, shown] = [folderOf(directory), folderOf(labelOf(directory))];
    for (const name of names.toSorted()) {
      const label = shown + name;
      const parsed = parseStepFileName(name);
      if (parsed.isErr()) return err({ kind: 'step-file-name', file: label, reason: parsed.error });
      if (parsed.value === undefined) continue;
      // Written out: a spread takes longer than reading the directory does.
      const { version, description, kind, part } = parsed.value;
      files.push({ version, description, kind, part, name, file: folder + name, label });
    }
    return ok(files);
  }

  /** One candidate per version: a file, or an up file with its down file. */
  #pair(files: readonly StepFile[]): Result<readonly StepCandidate[], StepSourceError> {
    const byVersion = new Map<string, StepFile[]>();
    for (const file of files) {
      const key = versionKey(file.version);
      const group = byVersion.get(key);
      if (group === undefined) byVersion.set(key, [file]);
      else group.push(file);
    }
    const candidates: StepCandidate[] = [];
    for (const group of byVersion.values()) {
      const mains = group.filter((file) => file.part !== 'down');
      const downs = group.filter((file) => file.part === 'down');
      const [main, second] = mains;
      const [down, otherDown] = downs;
      if (main === undefined) {
        return err({ kind: 'step-file-name', file: down?.label ?? '', reason: 'it has no .up.sql beside it' });
      }
      if (second !== undefined || otherDown !== undefined) {
        return err({ kind: 'duplicate-version', version: main.version, files: group.map((file) => file.label) });
      }
      if (down !== undefined && (main.part !== 'up' || stem(main) !== stem(down))) {
        return err({ kind: 'duplicate-version', version: main.version, files: group.map((file) => file.label) });
      }
      const candidate = this.#candidate(main, down);
      if (candidate.isErr()) return err(candidate.error);
      candidates.push(candidate.value);
    }
    return ok(candidates.toSorted((a, b) => compareVersions(a.version, b.version)));
  }

  /** The checksum is over what is applied; a down file can be mended after the fact. */
  #candidate(main: StepFile, down: StepFile | undefined): Result<StepCandidate, StepSourceError> {
    const { component } = this.#options;
    return readStepText(main.file, main.label).map((text): StepCandidate => {
      const checksum = checksumOf(text);
      return {
        version: main.version,
        description: main.description,
        component,
        checksum,
        file: main.label,
        load: () =>
          this.#define(main, text, down).map(
            (definition) =>
              new MigrationStep(
                main.version,
                main.description,
                { ...definition, component },
                {
                  file: main.label,
                  checksum,
                  language: main.kind === 'sql' ? 'sql' : moduleLanguage(text),
                  ...(down ? { downFile: down.label } : {}),
                },
              ),
          ),
      };
    });
  }

  #define(main: StepFile, text: string, down: StepFile | undefined): ResultAsync<StepDefinition, StepSourceError> {
    const { splitter, loadModule } = this.#options;
    if (main.kind === 'module') return loadModuleStep(main.file, main.label, text, loadModule);
    const downText: Result<string | undefined, StepSourceError> =
      down === undefined ? ok(undefined) : readStepText(down.file, down.label);
    const read = (): Result<StepDefinition, StepSourceError> =>
      downText.andThen((revert) =>
        readSqlStep(
          { file: main.label, text },
          down && revert !== undefined ? { file: down.label, text: revert } : undefined,
          splitter,
        ),
      );
    const prepared = splitter.prepare?.();
    return prepared === undefined
      ? new ResultAsync(Promise.resolve(read()))
      : ResultAsync.fromSafePromise(prepared).andThen(read);
  }
}

const stem = (file: StepFile): string => file.name.replace(/\.(up|down)\.sql$/i, '');

/** What goes before a name in this folder: joined once, not for each of its files. */
const folderOf = (directory: string): string => path.join(directory, '_').slice(0, -1);
