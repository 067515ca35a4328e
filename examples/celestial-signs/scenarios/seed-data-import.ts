// What the seed says of imports: a backup before, a look after. This one goes wrong, and only its own tables go back.
import { performIfMain } from '../stage/perform.js';
import { run, value } from '../stage/sql.js';
import type { Scenario } from '../stage/stage.js';
import { check, told } from '../stage/terminal.js';

export const seedDataImport: Scenario = {
  name: 'Import of seed data',
  problem: [
    'An import of prophecies overwrites what was there. Meanwhile the feeds go on, and what they bring is to stay.',
  ],
  async play(stage) {
    const taken = await stage.command('backup', 'create');
    check('a backup before the import', taken.code === 0);

    await run(
      stage.url,
      `UPDATE prophecies SET summary = 'to be written', category = 'sun';
       DELETE FROM relationships WHERE confidence < 60;
       INSERT INTO prophecies (scripture_reference, title, summary, category, book, chapter, verses)
       VALUES ('Joel 2:30-31', 'Imported twice', 'to be written', 'moon', 'Joel', 2, '[30,31]')`,
    );
    await stage.write('earthquakes', {
      id: 50_001,
      event_code: 'us-meanwhile',
      reported_by: 'USGS',
      occurred_at: '2026-06-04T07:12:30.000Z',
      magnitude: 6.4,
      depth_km: 33,
      latitude: 38.1,
      longitude: 142.9,
      region: 'Japan Trench',
    });
    const prophecies = await value<number>(stage.url, 'SELECT count(*)::integer FROM prophecies');
    check(
      'SELECT COUNT(*) FROM prophecies does not look right',
      prophecies !== stage.truth['prophecies']?.length,
      `${prophecies}`,
    );

    told('only the two tables of the import go back');
    const restored = await stage.command('restore', '--latest', '--tables', 'prophecies,relationships', '--yes');
    check('they are restored', restored.code === 0);
    await stage.checkRows(
      'prophecies and relationships are what they were, and the earthquake of meanwhile is still there',
    );
  },
};

await performIfMain(import.meta.url, seedDataImport);
