// What a command gives back: a document for programs, lines for people. Only main.ts prints the one or the other.
import type { ResultAsync } from 'neverthrow';
import type { MigrateError } from '../core/errors/migrate-error.js';
import type { Flags } from './settings.js';
import type { Sink, Terminal } from './terminal.js';

export interface Answer {
  /** Members beside `ok`. */
  readonly document: Readonly<Record<string, unknown>>;
  /** For people; the last line is the one to read. */
  readonly lines: (sink: Sink) => readonly string[];
  /** The flags that commands to be typed next have to have again; without it, all that name something. */
  readonly toRepeat?: Flags;
  /** A check that found something: the document is printed all the same, with this error in it. */
  readonly finding?: Finding;
}

/** What of an error is needed to tell it. */
export type Finding = Pick<MigrateError, 'code' | 'message' | 'hint' | 'exitCode' | 'state'> & {
  readonly kind: string;
};

/** What the failing of a command needs to be told well. */
export interface FailureContext {
  /** The phase of a step that was under way, for example `apply`. */
  readonly phase?: string;
  /** Steps of this run that went through before, and stay. */
  readonly kept: readonly string[];
  /** Steps that this run reverted before, newest first; they stay reverted. */
  readonly reverted?: readonly string[];
  /** Where the command changes nothing, nothing needs to be said about what was changed. */
  readonly readOnly: boolean;
}

export interface CommandContext {
  readonly terminal: Terminal;
  /** Aborted where something failed that nobody waits for. */
  readonly strayed: AbortSignal;
  /** Asked when the command has failed; a command that draws its progress sets it. */
  failure: () => FailureContext;
}

export type CommandResult = ResultAsync<Answer, MigrateError>;
