// Commands are printed to be copied into a shell: it has to hand back the very word, and run nothing.
import { execFileSync } from 'node:child_process';
import { expect } from 'chai';
import { repeatFlags } from '#src/cli/repeat-flags.js';
import { shellWord } from '#src/core/errors/shell-word.js';

const read = (word: string): string => execFileSync('sh', ['-c', `printf %s ${word}`], { encoding: 'utf8' });
const hostile = [
  'order items,customers',
  `"we""ird; sch"."ta'b ""le.x"`,
  '$(echo run)',
  '`echo run`',
  String.raw`back\slash`,
  '*',
  'größe',
  "it's",
  '',
];

describe('a word of a printed command', () => {
  before(function () {
    if (process.platform === 'win32') this.skip();
  });

  it('stays as it is where no shell looks at it', () => {
    expect(shellWord('sales.orders,customers')).to.equal('sales.orders,customers');
    expect(shellWord('postgres://shop@localhost:5432/shop')).to.equal('postgres://shop@localhost:5432/shop');
  });

  for (const word of hostile)
    it(`is read back by a shell: ${word || '(nothing)'}`, () => {
      expect(read(shellWord(word))).to.equal(word);
      expect(read(repeatFlags('migrate-safe up', { backups: word }).split(' ').slice(2, -1).join(' '))).to.equal(word);
    });
});
