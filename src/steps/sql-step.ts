// A step written in SQL: one file with markers, or a pair of files, with directives in comments.
import { err, ok, type Result } from 'neverthrow';
import type { Script, ScriptError, ScriptSplitter, ScriptStatement } from '../core/ports/script-splitter.js';
import type { StepSourceError } from '../core/ports/step-source.js';
import type { Declarations, StepDefinition } from '../core/steps/migration-step.js';
import { parseDirectives, type Directives } from './sql-directives.js';
import { splitAtMarkers } from './sql-markers.js';

export interface SqlFile {
  /** For messages. */
  readonly file: string;
  readonly text: string;
}

/** The definition of a step from its file, or from its up and its down file. */
export function readSqlStep(
  up: SqlFile,
  down: SqlFile | undefined,
  splitter: ScriptSplitter,
): Result<StepDefinition, StepSourceError> {
  if (down !== undefined) return fromParts(up, { file: up, text: up.text }, { file: down, text: down.text }, splitter);
  const parts = splitAtMarkers(up.text);
  if (parts.isErr()) return err({ kind: 'step-directive', file: up.file, ...parts.error });
  return fromParts(
    up,
    { file: up, text: parts.value.up },
    parts.value.down === undefined ? undefined : { file: up, text: parts.value.down },
    splitter,
  );
}

interface Part {
  readonly file: SqlFile;
  readonly text: string;
}

function fromParts(
  whole: SqlFile,
  up: Part,
  down: Part | undefined,
  splitter: ScriptSplitter,
): Result<StepDefinition, StepSourceError> {
  return readPart(up, splitter).andThen((apply) => {
    if (apply.statements.length === 0)
      return err<StepDefinition, StepSourceError>({ kind: 'step-empty', file: whole.file });
    const revert = down === undefined ? ok(undefined) : readPart(down, splitter);
    const misplaced =
      down === undefined || revert.isErr() || revert.value === undefined
        ? undefined
        : misplacedIn(down, revert.value.directives);
    if (misplaced !== undefined) return err<StepDefinition, StepSourceError>(misplaced);
    return revert.map((reverted): StepDefinition => ({
      apply: apply.statements,
      // A down file without a statement is no way back: it says so as little as no file.
      ...(reverted && reverted.statements.length > 0
        ? { revert: reverted.statements, revertDeclares: declarationsOf(reverted.directives) }
        : {}),
      declares: declarationsOf(apply.directives),
      transaction: apply.transaction,
      ...(reverted && isBeside(apply, reverted) ? { revertTransaction: reverted.transaction } : {}),
      foreignKeys: apply.directives.foreignKeys,
      ...(apply.directives.doneWhen === undefined ? {} : { isDone: asking(apply.directives.doneWhen) }),
    }));
  });
}

interface ReadPart {
  readonly statements: readonly ScriptStatement[];
  readonly directives: Directives;
  readonly transaction: 'own' | 'none';
}

/** The directive holds for both directions; without it each runs as its own statements need. */
const isBeside = (apply: ReadPart, revert: ReadPart): boolean =>
  apply.directives.transaction === 'own' && revert.transaction !== apply.transaction;

function readPart(part: Part, splitter: ScriptSplitter): Result<ReadPart, StepSourceError> {
  const { file } = part.file;
  const directives = parseDirectives(part.text);
  if (directives.isErr()) return err({ kind: 'step-directive', file, ...directives.error });
  const transactionControl = directives.value.transaction === 'none' ? 'keep' : 'refuse';
  return splitter
    .split(part.text, { transactionControl })
    .mapErr((error): StepSourceError => ({ kind: 'step-script', file, ...describe(error) }))
    .andThen((script) =>
      (directives.value.transaction === 'none' ? ok('none' as const) : transactionOf(script))
        .map((transaction) => ({ statements: script.statements, directives: directives.value, transaction }))
        .mapErr((mixed): StepSourceError => ({ kind: 'step-script', file, ...mixed })),
    );
}

/** What the database refuses in a transaction runs outside of one, if nothing beside it needs one. */
function transactionOf({ statements, unwrapped }: Script): Result<'own' | 'none', ScriptComplaint> {
  const outside = statements.find((statement) => statement.outside?.needed === 'must');
  if (outside === undefined) return ok('own');
  const inside = statements.find((statement) => statement.outside === undefined);
  if (inside === undefined && !unwrapped) return ok('none');
  const beside = inside === undefined ? 'BEGIN … COMMIT is around it' : `line ${inside.line} belongs into one`;
  return err({
    line: outside.line,
    reason: `${excerpt(outside.sql)} cannot run in a transaction, and ${beside}`,
    advice:
      inside === undefined
        ? 'Take BEGIN and COMMIT out: the step then runs outside of a transaction by itself. Nothing was run.'
        : 'Put it in a step of its own, which then runs outside of a transaction by itself. Nothing was run.',
  });
}

const EXCERPT = 60;
const excerpt = (sql: string): string => {
  const line = sql.replaceAll(/\s+/g, ' ');
  return line.length > EXCERPT ? `${line.slice(0, EXCERPT)}…` : line;
};

type ScriptComplaint = Omit<Extract<StepSourceError, { kind: 'step-script' }>, 'kind' | 'file'>;

function describe(error: ScriptError): ScriptComplaint {
  if (error.kind === 'transaction-control') {
    const { line, keyword } = error;
    return { line, keyword, reason: `${keyword} would end the step's transaction half-way` };
  }
  if (error.kind === 'uncommitted-value') {
    const { line, value, added } = error;
    return {
      line,
      reason: `'${value}' is added to its type in line ${added}, and cannot be used before that is committed`,
      advice: 'Put what uses the value in the next step. Nothing was run.',
    };
  }
  if (error.kind === 'unsupported') {
    const what = {
      'copy-from-stdin': {
        reason: 'COPY … FROM STDIN reads rows from the script, which only psql does',
        advice:
          'Write the rows as INSERT, or give them to knex.batchInsert in a step in TypeScript or JavaScript. Nothing was run.',
      },
      'psql-command': {
        reason: 'a command of psql (\\c, \\i, \\set …) means nothing to the server',
        advice: 'Take it out, or put what it includes in its place. Nothing was run.',
      },
    };
    return { line: error.line, ...what[error.what] };
  }
  const what = {
    string: 'a string that begins here is not closed',
    identifier: 'a quoted name that begins here is not closed',
    comment: 'a comment that begins here is not closed',
    trigger: 'the trigger that begins here has no END',
    'function-body': 'the body of the function that begins here has no END',
    nul: 'there is a NUL character, at which the database stops reading',
  };
  return { line: error.line, reason: what[error.what] };
}

/** What holds for both directions is said once, in the up part: in the down part it would go unheard. */
function misplacedIn(
  { file, text }: Part,
  { transaction, foreignKeys, doneWhen }: Directives,
): StepSourceError | undefined {
  const word =
    transaction === 'none'
      ? 'no-transaction'
      : foreignKeys === 'on'
        ? 'foreign-keys'
        : doneWhen === undefined
          ? undefined
          : 'done-when';
  if (word === undefined) return undefined;
  const line =
    text.split('\n').findIndex((one) => new RegExp(`^\\s*--\\s*migrate-safe:\\s*${word}\\b`, 'i').test(one)) + 1;
  return {
    kind: 'step-directive',
    file: file.file,
    line,
    text: word,
    reason: 'this belongs into the up part, and holds for both directions',
  };
}

const declarationsOf = ({ declares }: Directives): Declarations => declares;

/** `done-when SELECT …`: the first row decides. */
const asking =
  (query: string): NonNullable<StepDefinition['isDone']> =>
  (knex) =>
    knex.raw(query);
