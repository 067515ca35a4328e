// The same judgement by a statement's first words, where the parser does not know its syntax or could not be loaded.
import type { OutsideTransaction } from '../../../../core/ports/script-splitter.js';
import { DETACHING, EITHER, LOSING, ONCE, REPEATABLE } from './outside.js';

const RULES: readonly (readonly [words: RegExp, outside: OutsideTransaction])[] = [
  [/^CREATE (?:UNIQUE )?INDEX CONCURRENTLY\b/, REPEATABLE],
  [/^DROP INDEX CONCURRENTLY\b/, REPEATABLE],
  [/^REINDEX (?:\( [^)]*\) )?(?:DATABASE|SYSTEM|SCHEMA)\b/, REPEATABLE],
  [/^REINDEX (?:\( [^)]*\) )?(?:INDEX|TABLE) CONCURRENTLY\b/, REPEATABLE],
  [/^REINDEX \( (?:[^)]* )?CONCURRENTLY(?: (?:TRUE|ON|1))?(?: ,[^)]*)? \)/, REPEATABLE],
  [/^VACUUM\b/, REPEATABLE],
  [/^ANALY[SZ]E\b/, EITHER],
  [/^CLUSTER(?: VERBOSE| \( [^)]*\))?$/, REPEATABLE],
  [/^ALTER SYSTEM\b/, REPEATABLE],
  [/^DISCARD ALL\b/, REPEATABLE],
  [/^ALTER DATABASE .* SET TABLESPACE\b/, REPEATABLE],
  [/^(?:CREATE (?:DATABASE|TABLESPACE)|DROP TABLESPACE)\b/, ONCE],
  [/^CREATE SUBSCRIPTION\b(?!.*\b(?:CONNECT|CREATE_SLOT) = (?:'?(?:FALSE|OFF|0)\b))/, ONCE],
  [/^ALTER SUBSCRIPTION \S+ REFRESH\b/, REPEATABLE],
  [/^(?:DROP (?:DATABASE|SUBSCRIPTION)|COMMIT PREPARED|ROLLBACK PREPARED)\b/, LOSING],
  [/^ALTER TABLE .* DETACH PARTITION .* CONCURRENTLY$/, DETACHING],
  [/^SET (?!LOCAL\b|TRANSACTION\b|SESSION CHARACTERISTICS\b|CONSTRAINTS\b)/, EITHER],
  [/^(?:RESET|SHOW|CHECKPOINT)\b/, EITHER],
];

/** `words`: the statement's tokens in upper case with one blank between them; undefined for a statement of a transaction. */
export const outsideByWords = (words: string): OutsideTransaction | undefined =>
  RULES.find(([pattern]) => pattern.test(words))?.[1];
