// The manifest of a backup set: made, sealed with its own checksum, and read back with distrust.
import { err, ok, type Result } from 'neverthrow';
import { sha256 } from '../core/brands.js';
import { canonicalJson } from '../core/events/canonical-json.js';
import type { BackupManifest } from '../core/ports/backup-store.js';

/** Adds the checksum over everything else. */
export function seal(manifest: Omit<BackupManifest, 'checksum'>): BackupManifest {
  return { ...manifest, checksum: sha256(canonicalJson(manifest)) };
}

/** Parses a manifest; anything but exactly what was sealed is refused, with the reason. */
export function parseManifest(text: string): Result<BackupManifest, string> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return err('the manifest is not JSON');
  }
  if (parsed === null || typeof parsed !== 'object' || !('checksum' in parsed))
    return err('the manifest has no checksum');
  if (!('format' in parsed) || parsed.format !== 1)
    return err('the manifest is of a format that this version does not read');
  const { checksum, ...rest } = parsed;
  if (sha256(canonicalJson(rest)) !== checksum) return err('the manifest was changed: its checksum does not fit');
  // Only `seal` makes a fitting checksum, and it takes whole manifests.
  return ok(parsed as BackupManifest);
}
