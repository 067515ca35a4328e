// The forms that a check has.
import type { HealthCheck } from '../../../../core/ports/doctor.js';

/** `advice` is worth doing; nothing fails without it. */
export const good = (name: string, detail: string, advice: string | null = null): HealthCheck => ({
  name,
  ok: true,
  detail,
  fix: advice,
});

export const bad = (name: string, detail: string, fix: string): HealthCheck => ({ name, ok: false, detail, fix });

export const plural = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;

const SHOWN = 3;
/** The first few, and how many there are beside them. */
export const few = (names: readonly string[]): string =>
  names.length <= SHOWN ? names.join(', ') : `${names.slice(0, SHOWN).join(', ')} and ${names.length - SHOWN} more`;
