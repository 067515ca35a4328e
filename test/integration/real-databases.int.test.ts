// Chinook as a starting point: a history of rebuilds, renames and data steps over a database nobody here wrote, every row compared.
import { expect } from 'chai';
import { CHINOOK_STEPS, FAILS_HALF_WAY } from '../support/chinook-steps.js';
import { ModelHistory } from '../support/model-history.js';
import { realProject, SETTINGS, titled, type RealProject } from '../support/real-databases.js';

for (const setting of SETTINGS) {
  describe(`a history of Chinook (${titled(setting)})`, () => {
    let real: RealProject;
    beforeEach(() => {
      real = realProject('chinook.sqlite', setting);
    });
    afterEach(() => real.p.remove());

    it('leaves every row of every table as the steps say, through failures, reverts and restores', async () => {
      const history = await ModelHistory.begin(real);
      history.add(...CHINOOK_STEPS.slice(0, 6));
      await history.up();
      // Without the declaration the guard stops it; with it exactly the declared rows go.
      const undeclared = {
        name: 'forget',
        files: { 'up.sql': 'DELETE FROM PlaylistTrack WHERE TrackId % 7 = 0;' },
        apply: () => undefined,
      };
      expect(await history.refused('up', undeclared)).to.include({ kind: 'guard-refused', state: 'rolled-back' });
      history.add(...CHINOOK_STEPS.slice(6, 8));
      await history.up();
      expect(await history.refused('up', FAILS_HALF_WAY)).to.include({ kind: 'step-failed', state: 'rolled-back' });
      history.add(...CHINOOK_STEPS.slice(8));
      await history.up();
      await history.down(4);
      expect((await history.refused({ down: 1 })).kind).to.equal('no-revert');
      await history.up();
      await history.restore({ beforeStep: '4' });
      await history.up(9);
      await history.restore({ latest: true });
      await history.up();
    }).timeout(60_000);
  });
}
