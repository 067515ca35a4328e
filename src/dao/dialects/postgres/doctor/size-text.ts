// How much there is of something, as the doctor says it. Pure.

const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB'] as const;

/** As people say it. */
export function sizeText(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log(bytes) / Math.log(1024)));
  const value = bytes / 1024 ** power;
  return `${power > 0 && value < 10 ? value.toFixed(1) : String(Math.round(value))} ${UNITS[power] ?? ''}`;
}
