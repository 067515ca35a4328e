// A word of a command that is printed to be typed: a shell has to read back what was meant, whatever a table is called.

const BARE = /^[\w./:=?@%+,-]+$/;
/** What shells look at between double quotes, which cmd.exe knows, too; the others need single ones. */
const LOOKED_AT = /["$`\\!]/;

export function shellWord(text: string): string {
  if (BARE.test(text)) return text;
  return LOOKED_AT.test(text) ? `'${text.replaceAll("'", String.raw`'\''`)}'` : `"${text}"`;
}
