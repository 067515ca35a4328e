import { expect } from 'chai';
import { migrateError } from '#src/core/errors/migrate-error.js';

describe('the words of errors', () => {
  it('count the steps whose files are gone', () => {
    const of = (...versions: string[]): string => migrateError({ kind: 'missing-step', versions }).message;
    expect(of('0005')).to.equal('0005 is applied, but its file is gone');
    expect(of('0005', '0006')).to.equal('0005, 0006 are applied, but their files are gone');
  });

  it('ask for room, not for rights, where the disk of the backups is full', () => {
    const of = (reason: string): string => migrateError({ kind: 'backup-failed', directory: 'backups', reason }).hint;
    expect(of('the disk is full (No space left on device)')).to.include('Free some space');
    expect(of('permission denied')).to.include('can be written');
  });
});
