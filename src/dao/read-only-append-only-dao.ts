// Reads an append-only table, and proves that none of its rows was touched: all of it on a connection that cannot write.
import { err, ok, ResultAsync, type Result } from 'neverthrow';
import { EMPTY_HEAD, type BrokenChain, type ChainHead } from '../core/journal/hash-chain.js';
import type { ReadOnlyDatabase } from './app-database.js';
import type { ChainBroken, ReadError } from './dao-error.js';
import { headIn, rowBreak } from './query/row-chain.js';
import { ReadOnlyDao } from './read-only-dao.js';
import type { AnyAppendOnlyTable } from './table/append-only-table.js';
import type { RawRow } from './table/compiled-table.js';

const READ_AT_ONCE = 500;

/**
 * Reads one append-only table and verifies its chain, for who audits it and is to write nothing.
 * @example
 * const custody = new ReadOnlyAppendOnlyDao(openReadOnlyDatabase({ database: url }), ChainOfCustody);
 * const verified = await custody.verify({ noted });
 */
export class ReadOnlyAppendOnlyDao<T extends AnyAppendOnlyTable> extends ReadOnlyDao<T> {
  constructor(database: ReadOnlyDatabase, table: T) {
    super(database, table);
    if (!table.appendOnly) throw new TypeError(`table ${table.name} is not declared with defineAppendOnlyTable`);
  }

  /** Where the chain ends; position 0 where nothing was appended yet. Keep it elsewhere, and `verify` can ask for it. */
  head(): ResultAsync<ChainHead, ReadError> {
    const { sql, flavour } = this.compiled;
    const [position, hash] = ['position', 'hash'].map((name) => flavour.quoted(name));
    return this.run(
      ok({ sql: `SELECT ${position}, ${hash} FROM ${sql} ORDER BY ${position} DESC LIMIT 1`, values: [] }),
    ).map(([row]) => (row === undefined ? EMPTY_HEAD : headIn(row)));
  }

  /**
   * Rehashes every row, in constant memory, and gives back where the chain ends, or the first place where it breaks: a
   * row that was edited, taken out, put in or moved. Rows that are missing at its end show only against a head that was
   * noted elsewhere.
   */
  verify({ noted }: { readonly noted?: ChainHead } = {}): ResultAsync<ChainHead, ReadError | ChainBroken> {
    return this.walk(EMPTY_HEAD, noted);
  }

  /** The rows behind `from`. */
  protected walk(from: ChainHead, noted?: ChainHead): ResultAsync<ChainHead, ReadError | ChainBroken> {
    return new ResultAsync(this.#walked(from, noted));
  }

  /** Every page begins with the last row of the one before it: one that has its position is found, too. */
  async #walked(from: ChainHead, noted?: ChainHead): Promise<Result<ChainHead, ReadError | ChainBroken>> {
    const reader = this.compiled.reader(this.compiled.columns);
    const position = this.compiled.flavour.quoted('position');
    const ordered = `ORDER BY ${position} LIMIT ${READ_AT_ONCE}`;
    let head = from;
    let rows: RawRow[];
    do {
      const where = head === EMPTY_HEAD ? '' : `WHERE ${position} >= ${head.position}`;
      const read = await this.run(
        ok({ sql: `SELECT ${reader.sql} FROM ${this.compiled.sql} ${where} ${ordered}`, values: [] }),
      );
      if (read.isErr()) return err(read.error);
      rows = read.value;
      const seen = head !== EMPTY_HEAD && Number(rows[0]?.['position']) === head.position ? 1 : 0;
      for (const row of rows.slice(seen)) {
        const broken = this.#broken(head, row, noted);
        if (broken) return err(broken);
        head = headIn(row);
      }
    } while (rows.length === READ_AT_ONCE);
    if (noted !== undefined && noted.position > head.position)
      return err(this.#chainBroken({ position: head.position + 1, problem: 'missing' }));
    return ok(head);
  }

  #broken(head: ChainHead, row: RawRow, noted: ChainHead | undefined): ChainBroken | undefined {
    const decoded = this.compiled.reader(this.compiled.columns).decoded([row]);
    const broken: BrokenChain | undefined = decoded.isErr()
      ? { position: head.position + 1, problem: 'edited' }
      : rowBreak(this.compiled, head, row);
    if (broken) return this.#chainBroken(broken);
    const { position, hash } = headIn(row);
    return noted?.position === position && noted.hash !== hash
      ? this.#chainBroken({ position, problem: 'edited' })
      : undefined;
  }

  #chainBroken(broken: BrokenChain): ChainBroken {
    const { name } = this.compiled;
    return {
      kind: 'chain-broken',
      table: name,
      ...broken,
      message: `${name}: row ${broken.position} ${SAID[broken.problem]}`,
    };
  }
}

const SAID: Readonly<Record<BrokenChain['problem'], string>> = {
  missing: 'is not there',
  'out-of-order': 'is not in its place',
  edited: 'is not what was appended',
  unlinked: 'does not follow the row before it',
};
