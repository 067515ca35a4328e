// Branded primitives: values that only their constructors can make, so that a digest is never taken for an id.
import { hash } from 'node:crypto';
import { err, ok, type Result } from 'neverthrow';

declare const brand: unique symbol;
type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** Lower-case hexadecimal sha256, 64 characters. */
export type Sha256 = Brand<string, 'Sha256'>;
/** The version of a step as it was written: digits of any length, compared as a number. */
export type StepVersion = Brand<string, 'StepVersion'>;
/** `20261120T093112345Z-9c1e04aa`: sorts by time, fits every file system. */
export type BackupId = Brand<string, 'BackupId'>;

/** Digests text (as UTF-8) or bytes. */
export const sha256 = (content: string | Uint8Array): Sha256 => hash('sha256', content, 'hex') as Sha256;

/** Accepts 64 hexadecimal characters. */
export const parseSha256 = (text: string): Result<Sha256, { readonly kind: 'not-a-sha256' }> =>
  /^[0-9a-f]{64}$/.test(text) ? ok(text as Sha256) : err({ kind: 'not-a-sha256' as const });

/** Accepts digits only: `4`, `0004`, `20261120093000`, or a non-negative safe integer. */
export function parseVersion(version: string | number): Result<StepVersion, { readonly kind: 'not-a-version' }> {
  // A number past 2^53 was rounded when it was written: it would name another version than its author meant.
  const text = typeof version === 'number' && !Number.isSafeInteger(version) ? '' : String(version);
  return /^\d+$/.test(text) ? ok(text as StepVersion) : err({ kind: 'not-a-version' as const });
}

const ZERO = 48;

/** The version without leading zeros: equal keys are equal versions. */
export function versionKey(version: string): string {
  let zeros = 0;
  while (zeros < version.length - 1 && version.charCodeAt(zeros) === ZERO) zeros += 1;
  return version.slice(zeros);
}

/** Orders versions as numbers of any length. */
export function compareVersions(a: string, b: string): number {
  // Digits of one length are in the order of their text.
  const [x, y] = a.length === b.length ? [a, b] : [versionKey(a), versionKey(b)];
  if (x.length !== y.length) return x.length - y.length;
  return x < y ? -1 : x > y ? 1 : 0;
}

/** Accepts an id made by `newBackupId`. */
export const parseBackupId = (text: string): Result<BackupId, { readonly kind: 'not-a-backup-id' }> =>
  /^\d{8}T\d{9}Z-[0-9a-f]{8}$/.test(text) ? ok(text as BackupId) : err({ kind: 'not-a-backup-id' as const });

/** Makes an id from the time and eight random hexadecimal characters. */
export function newBackupId(now: Date, random: string): BackupId {
  const stamp = now.toISOString().replace(/[-:.]/g, '');
  return `${stamp}-${random.slice(0, 8).padEnd(8, '0')}` as BackupId;
}
