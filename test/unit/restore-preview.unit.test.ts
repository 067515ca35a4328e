// What a restore says before it asks: no line of it is wider than the terminal.
import { expect } from 'chai';
import type { RestorePreview } from 'migrate-safe';
import { previewLines } from '#src/cli/backup-text.js';
import { commandLines } from '#src/cli/format.js';
import { paintFor } from '#src/cli/style.js';

describe('a command to be typed next', () => {
  it('stays in one piece, on a line of its own where it does not fit', () => {
    expect(commandLines('To undo it:', 'migrate-safe restore x', 80)).to.deep.equal([
      'To undo it: migrate-safe restore x',
    ]);
    const long = `migrate-safe restore x --tables ${'a'.repeat(60)}`;
    expect(commandLines('To undo it:', long, 80)).to.deep.equal(['To undo it:', `    ${long}`]);
  });
});

describe('the preview of a restore', () => {
  const tables = Array.from({ length: 12 }, (_, at) => `reporting.a_long_name_${at}`);
  const preview = {
    database: 'postgres://127.0.0.1/shop',
    backup: {
      manifest: {
        id: '20261121T103844334Z-38458c37',
        createdAt: '2026-11-21T10:38:44Z',
        reason: { kind: 'before-run' },
      },
    },
    original: 'postgres://db-2.internal.example/shop',
    tables,
    atStake: tables.map((table) => ({ table, written: 1, deleted: 2 })),
    keeps: 'safety-copy',
    swap: {
      keptAs: 'shop_before_20261121t103844334z_38458c37_and_more_of_a_name',
      sessions: tables.map((user) => ({ user, application: 'report', count: 3 })),
    },
  };
  const faces: Readonly<Record<string, object>> = {
    'over what is there': preview,
    'of single tables': { ...preview, swap: undefined },
    'over a ruin': { ...preview, swap: undefined, keeps: 'file-aside', atStake: undefined },
    'over a damaged journal': { ...preview, swap: undefined, keeps: 'file-aside' },
    'of what is gone': { ...preview, keeps: 'nothing' },
  };
  for (const [name, face] of Object.entries(faces))
    for (const width of [80, 100])
      it(`fits ${width} columns ${name}`, () => {
        const lines = previewLines(face as unknown as RestorePreview, { paint: paintFor(false), width });
        expect(lines.filter((line) => line.length > width)).to.deep.equal([]);
        expect(lines.slice(1).filter((line) => line.startsWith('  ')).length).to.be.greaterThan(0);
      });
});
