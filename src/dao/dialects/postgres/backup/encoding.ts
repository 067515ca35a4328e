// The encodings that a server can have, as the text of what pg_dump wrote in them: names and journals. Rows stay bytes.

export type Decode = (bytes: Buffer, start?: number, end?: number) => string;

const utf8: Decode = (bytes, start, end) => bytes.toString('utf8', start, end);
const latin1: Decode = (bytes, start, end) => bytes.toString('latin1', start, end);

/** By PostgreSQL's names. https://www.postgresql.org/docs/current/multibyte.html; https://encoding.spec.whatwg.org */
const LABELS: Readonly<Record<string, string>> = {
  LATIN2: 'iso-8859-2',
  LATIN3: 'iso-8859-3',
  LATIN4: 'iso-8859-4',
  LATIN5: 'windows-1254',
  LATIN6: 'iso-8859-10',
  LATIN7: 'iso-8859-13',
  LATIN8: 'iso-8859-14',
  LATIN9: 'iso-8859-15',
  ISO_8859_5: 'iso-8859-5',
  ISO_8859_6: 'iso-8859-6',
  ISO_8859_7: 'iso-8859-7',
  ISO_8859_8: 'iso-8859-8',
  WIN866: 'ibm866',
  WIN874: 'windows-874',
  KOI8R: 'koi8-r',
  KOI8U: 'koi8-u',
  EUC_JP: 'euc-jp',
  EUC_KR: 'euc-kr',
  EUC_CN: 'gb2312',
};

/** From 0x80 on; a byte that has no letter stands for itself. Versions of Node.js take the label for Latin-1. */
const WIN1252 = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008D\u017D\u008F\u0090‘’“”•–—˜™š›œ\u009D\u017E\u0178';
const win1252: Decode = (bytes, start, end) =>
  latin1(bytes, start, end).replaceAll(/[\u0080-\u009F]/g, (byte) => WIN1252.charAt(byte.charCodeAt(0) - 0x80));

/** Without a rule for its bytes they are taken for UTF-8; where they are none, each is a letter: two names stay two. */
const unruled: Decode = (bytes, start, end) => {
  const text = utf8(bytes, start, end);
  return text.includes('\uFFFD') ? latin1(bytes, start, end) : text;
};

/** `name`: as the server and `SET client_encoding` have it. */
export function decoderOf(name: string): Decode {
  if (name === 'UTF8') return utf8;
  if (name === 'LATIN1') return latin1;
  if (name === 'WIN1252') return win1252;
  const label = /^WIN125\d$/.test(name) ? `windows-${name.slice(3)}` : LABELS[name];
  if (label === undefined) return unruled;
  const decoder = new TextDecoder(label, { ignoreBOM: true });
  return (bytes, start, end) => decoder.decode(bytes.subarray(start, end));
}
