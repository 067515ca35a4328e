// The other libraries, each with connections of its own to one database. Loaded by the rows that tell of them, no others.
import type { Scratch } from '../scratch.js';
import type { OpenWay, Place } from './way.js';
import { drizzleAt } from './ways/drizzle.js';
import { kyselyAt } from './ways/kysely.js';
import { prismaAt } from './ways/prisma.js';
import { typeormAt } from './ways/typeorm.js';

export const peersAt = (scratch: Scratch, place: Place): Promise<readonly OpenWay[]> =>
  scratch.once(`peers ${place.address}`, async () => {
    const peers: readonly OpenWay[] = [
      drizzleAt(place),
      kyselyAt(place),
      await typeormAt(place),
      await prismaAt(place),
    ];
    scratch.atEnd(async () => {
      for (const peer of peers) await peer.close();
    });
    return peers;
  });
