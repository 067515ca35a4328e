import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { createMigrateSafe, MigrationStep } from 'migrate-safe';
import { Dao, defineTable, openDatabase } from 'migrate-safe/dao';
import * as z from 'zod';

const Notes = defineTable('notes', { id: z.int() }, { primaryKey: 'id' });
class NotesDao extends Dao<typeof Notes> {}

describe('a DAO where it cannot be', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), 'migrate-safe-dao-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('is told in a step that the handle is to be used: the driver said that client.query is not a function', async () => {
    const safe = createMigrateSafe({
      database: `sqlite:${path.join(folder, 'a.db')}`,
      backups: path.join(folder, 'b'),
    });
    safe.addMigration(
      new MigrationStep('0001', 'by a DAO', {
        apply: (knex) => {
          openDatabase({ database: knex });
        },
      }),
    );
    const outcome = await safe.up();
    (await safe.close())._unsafeUnwrap();
    expect(outcome._unsafeUnwrapErr()).to.include({ code: 'MS-STEP-FAILED', state: 'rolled-back' });
    expect(outcome._unsafeUnwrapErr().message).to.include("In a step use the handle itself, `knex('table')`");
  });

  it('is named in a contract, with what it lacks', async () => {
    const safe = createMigrateSafe({ database: `sqlite:${path.join(folder, 'a.db')}`, contract: [NotesDao as never] });
    const outcome = await safe.up();
    expect(outcome._unsafeUnwrapErr().message).to.include('member 1 (NotesDao) has no table that can be read');
  });
});
