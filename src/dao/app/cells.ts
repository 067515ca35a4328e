// What the dialects' codecs have in common: times, exact numbers and JSON as text.

/** ISO with milliseconds, in UTC; sorts as time. */
export const instantText = (value: Date): string => value.toISOString();

/** `2026-01-31 12:00:00.123456+05:30`, a zone that is left out being UTC; an invalid Date where it is no such text. */
export function readInstant(raw: unknown): Date {
  if (raw instanceof Date) return raw;
  if (typeof raw !== 'string') return new Date(Number.NaN);
  // Other styles of dates can be read in two ways, and ISO text of before our era ends with BC.
  if (raw.charAt(4) !== '-' || raw.charAt(7) !== '-' || raw.endsWith('C')) return new Date(Number.NaN);
  const text = raw.charAt(10) === ' ' ? `${raw.slice(0, 10)}T${raw.slice(11)}` : raw;
  if (text.endsWith('Z')) return new Date(text);
  if (text.endsWith('+00')) return new Date(`${text.slice(0, -3)}Z`);
  const zone = /T.*([+-]\d\d)(?::(\d\d))?(?::(\d\d))?$/.exec(text);
  if (zone === null) return new Date(text.length > 10 ? `${text}Z` : text);
  const [, hours = '', minutes = '00', seconds = '00'] = zone;
  const local = text.slice(0, text.length - (text.length - text.lastIndexOf(hours)));
  // Time zones of before 1900 have seconds, which no Date reads.
  const sign = hours.startsWith('-') ? -1 : 1;
  return new Date(new Date(`${local}${hours}:${minutes}`).getTime() - sign * Number(seconds) * 1000);
}

/** With as many digits behind the point as its column has. */
export function decimalText(value: string, scale: number): string {
  const [whole = '0', fraction = ''] = value.split('.');
  const isNegative = whole.startsWith('-');
  const digits = whole.replace(/^-?0*(?=\d)/, '');
  const text = scale === 0 ? digits : `${digits}.${fraction.padEnd(scale, '0')}`;
  return isNegative && /[1-9]/.test(text) ? `-${text}` : text;
}

export function readInteger(raw: unknown): unknown {
  return typeof raw === 'number' ? raw : typeof raw === 'string' || typeof raw === 'bigint' ? Number(raw) : raw;
}

/** JSON; undefined members are left out, as ever, and what JSON cannot say is an error of the declaration. */
export const jsonText = (value: unknown): string => JSON.stringify(value);
