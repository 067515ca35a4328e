import { expect } from 'chai';
import { wrap } from '#src/cli/format.js';

describe('wrap', () => {
  it('leaves a command on one line: half of it, copied, would be another one', () => {
    const command =
      'migrate-safe --database postgres://shop@127.0.0.1/shop restore 20261122T021709043Z-66b9371d --as-copy NAME';
    expect(wrap(`Nothing was changed. Make a database of the clone: ${command}`, 60)).to.deep.equal([
      'Nothing was changed. Make a database of the clone:',
      command,
    ]);
    expect(wrap('There are others: migrate-safe backup list (backups that lie elsewhere are named)', 40)).to.deep.equal(
      ['There are others:', 'migrate-safe backup list (backups that', 'lie elsewhere are named)'],
    );
  });

  it('breaks all else at blanks', () => {
    expect(wrap('migrate-safe needs Node.js of a newer kind', 20)).to.deep.equal([
      'migrate-safe needs',
      'Node.js of a newer',
      'kind',
    ]);
  });
});
