// Takes `Joel 2:30-31` apart into book, chapter and verses: a step in TypeScript, because it reads what it writes from text.
import { defineStep } from 'migrate-safe';

interface Prophecy {
  readonly id: number;
  readonly scripture_reference: string;
}

const REFERENCE = /^(?<book>(?:[1-3] )?\p{L}[\p{L} ]*) (?<chapter>\d+):(?<first>\d+)(?:-(?<last>\d+))?$/u;

export default defineStep({
  apply: async (knex) => {
    await knex.schema.alterTable('prophecies', (table) => {
      table.text('book');
      table.smallint('chapter');
      table.specificType('verses', 'int4range');
    });
    const prophecies = await knex<Prophecy>('prophecies').select('id', 'scripture_reference');
    for (const { id, scripture_reference } of prophecies) {
      const parts = REFERENCE.exec(scripture_reference)?.groups;
      if (parts === undefined)
        throw new Error(`prophecy ${id}: ${scripture_reference} is no reference that can be read`);
      const { book = '', chapter = '', first = '', last = first } = parts;
      await knex('prophecies')
        .where({ id })
        .update({ book, chapter: Number(chapter), verses: `[${first},${last}]` });
    }
    await knex.schema.alterTable('prophecies', (table) => {
      for (const column of ['book', 'chapter', 'verses']) table.dropNullable(column);
      table.index(['book', 'chapter'], 'prophecies_by_chapter');
    });
  },
  revert: async (knex) => {
    await knex.schema.alterTable('prophecies', (table) => {
      table.dropColumns('book', 'chapter', 'verses');
    });
  },
  declares: { touches: ['prophecies'] },
  validate: async (knex) => {
    const empty = await knex('prophecies').whereRaw('isempty(verses)').select('scripture_reference');
    if (empty.length > 0) throw new Error(`${empty.length} references end before they begin`);
  },
});
