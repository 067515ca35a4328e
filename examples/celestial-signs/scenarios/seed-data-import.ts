// What the seed says of imports: a backup before, a look after. This one goes wrong, and only its own tables go back.
import { performIfMain } from '../stage/perform.js';
import { value } from '../stage/sql.js';
import type { Scenario } from '../stage/stage.js';
import { check, told } from '../stage/terminal.js';

const IMPORT = '0011_import_prophecies.sql';

export const seedDataImport: Scenario = {
  name: 'Import of seed data',
  problem: [
    'An import of prophecies overwrites what was there. It is a step like any other, so its tables are copied before it.',
    'Meanwhile the feeds go on, and what they bring is to stay.',
  ],
  async play(stage) {
    await stage.project.add('import', IMPORT);
    const imported = await stage.command('up');
    check('the import runs', imported.code === 0);
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
    const left = await value<number>(stage.url, 'SELECT count(*)::integer FROM relationships');
    const there = stage.truth['relationships']?.length ?? 0;
    check('SELECT COUNT(*) FROM relationships does not look right', left !== there, `${left} of ${there}`);

    told('the import is taken back, and only its two tables are put back to what they were before it');
    const down = await stage.command('down');
    check('it is reverted', down.code === 0);
    const tables = ['--tables', 'prophecies,relationships'];
    const restored = await stage.command('restore', '--before-step', '0011', ...tables, '--yes');
    check('its tables are restored', restored.code === 0);
    await stage.project.remove(IMPORT);
    await stage.checkRows(
      'prophecies and relationships are what they were, and the earthquake of meanwhile is still there',
    );
    const after = await stage.command('up');
    check('and nothing is left to do', after.code === 0);
  },
};

await performIfMain(import.meta.url, seedDataImport);
