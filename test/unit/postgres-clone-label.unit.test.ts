// What a clone says of itself, and what else may stand in the comment of a database.
import { expect } from 'chai';
import { newBackupId } from '#src/core/brands.js';
import type { CloneIdentity } from '#src/core/ports/clones.js';
import { cloneName, identityIn, labelOf } from '#src/dao/dialects/postgres/backup/clone/label.js';

const ID: CloneIdentity = {
  id: newBackupId(new Date('2026-11-20T09:31:12.345Z'), '9c1e04aa'),
  databaseId: '7f3a',
  createdAt: '2026-11-20T09:31:12.345Z',
  reason: { kind: 'before-step', runId: 'r1', component: "it's", version: '0003' },
};

describe('the label of a clone', () => {
  it('says which backup of which database it is', () => {
    expect(identityIn(labelOf(ID))).to.deep.equal(ID);
  });

  it('is nothing that anybody else would write', () => {
    const label = labelOf(ID);
    const { reason, ...rest } = ID;
    const others = [
      null,
      '',
      'our shop',
      ` ${label}`,
      label.slice(0, -1),
      'migrate-safe clone null',
      'migrate-safe clone 7',
      'migrate-safe clone {}',
      `migrate-safe clone ${JSON.stringify(rest)}`,
      `migrate-safe clone ${JSON.stringify({ ...rest, id: 7, reason })}`,
      `migrate-safe clone ${JSON.stringify({ ...rest, reason: { kind: 'manual' } })}`,
    ];
    for (const other of others) expect(identityIn(other), String(other)).to.equal(undefined);
  });

  it('has a name beside it that a server takes whole and without quotes, one for each backup', () => {
    expect(cloneName(ID.id)).to.equal('migrate_safe_clone_20261120t093112345z_9c1e04aa');
    expect(cloneName(newBackupId(new Date(0), 'ffffffff')))
      .to.match(/^[a-z0-9_]{1,63}$/)
      .and.not.to.equal(cloneName(ID.id));
  });
});
