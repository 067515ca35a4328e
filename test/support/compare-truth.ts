// What a comparison must find, worked out the slow way from full dumps: every row in memory, every cell by its storage.
import type { Session } from '#src/core/ports/session.js';
import type { RowComparison } from '#src/dao/dialects/sqlite/compare/compare-table.js';
import type { TableShape } from '#src/dao/dialects/sqlite/compare/shape.js';
import { value } from './compare-sessions.js';

type DumpedRow = ReadonlyMap<string, string>;

const NULL_CELL = 'null:';

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function lower(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** Integers as digits, reals as their eight bytes, text and blobs as hex. */
async function dump(session: Session, shape: TableShape, rowid: string | undefined): Promise<readonly DumpedRow[]> {
  const cells = shape.columns.map((name, i) => {
    const c = `t.${quoted(name)}`;
    return (
      `typeof(${c}) AS k${i}, CASE WHEN typeof(${c}) = 'real' THEN ${c} END AS r${i}, ` +
      `CASE typeof(${c}) WHEN 'integer' THEN CAST(${c} AS TEXT) WHEN 'real' THEN '' ELSE hex(${c}) END AS h${i}`
    );
  });
  const key = rowid === undefined ? `''` : `CAST(t.${rowid} AS TEXT)`;
  const rows = await value(
    session.all(`SELECT ${[`${key} AS rowid`, ...cells].join(', ')} FROM main.${quoted(shape.name)} AS t`),
  );
  return rows.map((row) => {
    const cellOf = (i: number): string => {
      const kind = String(row[`k${i}`]);
      if (kind !== 'real') return `${kind}:${String(row[`h${i}`] ?? '')}`;
      const bytes = Buffer.alloc(8);
      bytes.writeDoubleBE(Number(row[`r${i}`]));
      return `real:${bytes.toString('hex')}`;
    };
    return new Map([['', String(row['rowid'])], ...shape.columns.map((name, i) => [lower(name), cellOf(i)] as const)]);
  });
}

function identityOf(row: DumpedRow, shape: TableShape): string {
  const parts = shape.primaryKey.map(({ column, collation }) => {
    const cell = row.get(lower(column)) ?? '';
    const [kind, content = ''] = cell.split(':');
    if (kind === 'real') {
      const real = Buffer.from(content, 'hex').readDoubleBE();
      return Number.isInteger(real) && Math.abs(real) < 2 ** 62 ? `integer:${BigInt(real)}` : cell;
    }
    if (kind !== 'text') return cell;
    const text = Buffer.from(content, 'hex').toString('latin1');
    if (collation === 'NOCASE') return `text:${lower(text)}`;
    return collation === 'RTRIM' ? `text:${text.replace(/ +$/, '')}` : cell;
  });
  return JSON.stringify(parts);
}

/** `identity` says how rows are to be matched; that a comparison chooses the same is part of what is tested. */
export async function truth(
  before: Session,
  beforeShape: TableShape,
  after: Session,
  afterShape: TableShape,
  identity: 'rowid' | 'primary-key' | 'multiset',
): Promise<Omit<RowComparison, 'deletedKeys' | 'nulled'> & { readonly nulled: Record<string, number> }> {
  const rowid = identity === 'rowid' ? '_rowid_' : undefined;
  const [old, now] = [await dump(before, beforeShape, rowid), await dump(after, afterShape, rowid)];
  const names = afterShape.columns.map(lower);
  const common = beforeShape.columns.filter((name) => names.includes(lower(name)));
  const content = (row: DumpedRow): string => JSON.stringify(common.map((name) => row.get(lower(name))));
  const isNull = (row: DumpedRow, name: string): boolean => row.get(lower(name)) === NULL_CELL;
  const nulled: Record<string, number> = {};

  if (identity === 'multiset') {
    const counts = new Map<string, number>();
    for (const row of old) counts.set(content(row), (counts.get(content(row)) ?? 0) + 1);
    for (const row of now) counts.set(content(row), (counts.get(content(row)) ?? 0) - 1);
    const removed = [...counts.values()].filter((n) => n > 0).reduce((sum, n) => sum + n, 0);
    const added = removed - old.length + now.length;
    const updated = Math.min(removed, added);
    for (const name of common) {
      const rows = old.filter((row) => !isNull(row, name)).length - now.filter((row) => !isNull(row, name)).length;
      if (updated > 0 && rows > removed - updated) nulled[name] = rows - (removed - updated);
    }
    return { inserted: added - updated, updated, deleted: removed - updated, nulled, keyed: false };
  }

  const key = (row: DumpedRow, shape: TableShape): string =>
    identity === 'rowid' ? (row.get('') ?? '') : identityOf(row, shape);
  const left = new Map(old.map((row) => [key(row, beforeShape), row]));
  let [inserted, updated] = [0, 0];
  for (const row of now) {
    const twin = left.get(key(row, afterShape));
    left.delete(key(row, afterShape));
    if (twin === undefined) inserted += 1;
    else if (content(twin) !== content(row)) updated += 1;
    for (const name of common)
      if (twin && isNull(row, name) && !isNull(twin, name)) nulled[name] = (nulled[name] ?? 0) + 1;
  }
  return { inserted, updated, deleted: left.size, nulled, keyed: true };
}
