// The number of the next step: one more than the highest, written as the others are.
import { compareVersions } from '../core/brands.js';

const WIDTH = 4;
const TIMESTAMP = /^\d{14}$/;

/** Versions that are times go on as times (UTC), and never fall behind the highest. */
export function nextVersion(existing: readonly string[], now = new Date()): string {
  const highest = existing.reduce<string | undefined>(
    (top, version) => (top === undefined || compareVersions(version, top) > 0 ? version : top),
    undefined,
  );
  if (highest === undefined) return '1'.padStart(WIDTH, '0');
  const next = String(BigInt(highest) + 1n).padStart(highest.length, '0');
  if (!TIMESTAMP.test(highest)) return next;
  const stamp = now.toISOString().replaceAll(/[-:T]/g, '').slice(0, 14);
  return compareVersions(stamp, highest) > 0 ? stamp : next;
}

/** `Add e-mail!` -> `add_e_mail`; undefined where nothing is left of it. */
export function snakeName(name: string): string | undefined {
  const words = name
    .normalize('NFC')
    .replaceAll(/(\p{Ll}|\p{N})(\p{Lu})/gu, '$1_$2')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, '_')
    .replaceAll(/^_+|_+$/g, '');
  return words === '' ? undefined : words.slice(0, 80);
}
