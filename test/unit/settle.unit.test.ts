// The settings that a safe step runs under are read back: one that was not taken is a reason not to begin.
import { expect } from 'chai';
import { okAsync } from 'neverthrow';
import type { Session } from '#src/core/ports/session.js';
import { settle } from '#src/dao/dialects/sqlite/step/settle.js';

type Settings = Record<string, number>;

/** A connection with these settings, which takes any but those that are named `deaf`. */
function connection(settings: Settings, deaf: readonly string[] = []) {
  const set: string[] = [];
  const session: Pick<Session, 'all' | 'run'> = {
    all: <R extends object>() => okAsync([{ ...settings } as unknown as R]),
    run: (sql) => {
      const [, name = '', word] = /^PRAGMA (\w+) = (\w+)$/.exec(sql) ?? [];
      set.push(`${name} ${word}`);
      if (!deaf.includes(name)) settings[name] = word === 'ON' ? 1 : 0;
      return okAsync({ changes: 0 });
    },
  };
  return { session: session as Session, set, settings };
}
const FRESH: Settings = { foreign_keys: 1, legacy_alter_table: 0, cache_spill: 483 };
const SAFE = { foreignKeys: 'off', transactional: true, comparesWith: 'live' } as const;

describe('settle', () => {
  it('sets what is not as a safe step needs it', async () => {
    const { session, set } = connection({ ...FRESH });
    expect((await settle(session, SAFE)).isOk()).to.equal(true);
    expect(set).to.deep.equal(['foreign_keys OFF', 'legacy_alter_table ON', 'cache_spill OFF']);
  });

  it('lets foreign keys act where the step asks for it, and pages spill where nobody reads beside it', async () => {
    for (const options of [
      { ...SAFE, foreignKeys: 'on', comparesWith: 'backup' },
      { ...SAFE, foreignKeys: 'on', transactional: false },
    ] as const) {
      const { session, set } = connection({ ...FRESH });
      expect((await settle(session, options)).isOk()).to.equal(true);
      expect(set).to.deep.equal(['legacy_alter_table ON']);
    }
  });

  for (const deaf of Object.keys(FRESH))
    it(`begins nothing where ${deaf} was not taken`, async () => {
      const { session } = connection({ ...FRESH }, [deaf]);
      expect((await settle(session, SAFE))._unsafeUnwrapErr().message).to.contain('did not take the settings');
    });
});
