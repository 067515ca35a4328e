// Made-up events of the earth and the sun, some of the earthquakes reported by two feeds.
import type { Row } from './contents.js';
import { Chance, instant, rows, SPAN } from './random.js';

const REGIONS = [
  { region: 'Japan Trench', latitude: 38.3, longitude: 142.4 },
  { region: 'Kermadec Islands', latitude: -29.7, longitude: -177.8 },
  { region: 'Near the coast of Chile', latitude: -33.1, longitude: -71.6 },
  { region: 'Aleutian Islands', latitude: 52.1, longitude: -174.2 },
  { region: 'Northern Sumatra', latitude: 3.3, longitude: 95.9 },
  { region: 'Central Italy', latitude: 42.7, longitude: 13.2 },
] as const;

/** How many of the earthquakes are second reports of another. */
export const REPEATED_EARTHQUAKES = 300;
const EARTHQUAKES = 12_000;

/** Oldest first; every fortieth is reported a second time, by the other feed, right behind the first. */
export function earthquakes(chance: Chance): Row[] {
  const each = EARTHQUAKES / REPEATED_EARTHQUAKES;
  let last: Row = {};
  return rows(EARTHQUAKES, (id) => {
    if (id % each === 0) return { ...last, id, reported_by: 'EMSC' };
    const { region, latitude, longitude } = chance.pick<(typeof REGIONS)[number]>(REGIONS);
    last = {
      event_code: `us${(70_000_000 + id).toString(36)}`,
      reported_by: 'USGS',
      occurred_at: instant((id / EARTHQUAKES) * SPAN),
      // Ten times as many for each magnitude less, as Gutenberg and Richter found.
      magnitude: Number(Math.min(9.1, 3 - Math.log10(1 - chance.next())).toFixed(1)),
      depth_km: chance.between(1, 620, 1),
      latitude: Number((latitude + chance.between(-4, 4, 3)).toFixed(3)),
      longitude: Number(Math.max(-180, longitude + chance.between(-2, 4, 3)).toFixed(3)),
      region,
    };
    return last;
  });
}

export function solarEvents(chance: Chance): Row[] {
  return rows(1500, (id) => {
    const type = chance.pick(['flare', 'flare', 'flare', 'coronal mass ejection', 'geomagnetic storm']);
    const from = (id / 1500) * SPAN;
    return {
      event_type: type,
      class: type === 'flare' ? `${chance.pick(['B', 'C', 'C', 'M', 'X'])}${chance.between(1, 9, 1).toFixed(1)}` : null,
      kp_index: type === 'geomagnetic storm' ? chance.whole(4, 9) : null,
      started_at: instant(from),
      ended_at: chance.now(0.95) ? instant(from + chance.between(0.2, 30, 2)) : null,
    };
  });
}

const SHOWERS = [
  { iau_code: 'QUA', name: 'Quadrantids', parent_body: '2003 EH1', day: 3, zhr: 110, declination: 49 },
  { iau_code: 'LYR', name: 'Lyrids', parent_body: 'C/1861 G1', day: 112, zhr: 18, declination: 34 },
  { iau_code: 'ETA', name: 'Eta Aquariids', parent_body: '1P/Halley', day: 126, zhr: 50, declination: -1 },
  { iau_code: 'PER', name: 'Perseids', parent_body: '109P/Swift-Tuttle', day: 224, zhr: 100, declination: 58 },
  { iau_code: 'ORI', name: 'Orionids', parent_body: '1P/Halley', day: 294, zhr: 20, declination: 16 },
  { iau_code: 'LEO', name: 'Leonids', parent_body: '55P/Tempel-Tuttle', day: 321, zhr: 15, declination: 22 },
  { iau_code: 'GEM', name: 'Geminids', parent_body: '3200 Phaethon', day: 347, zhr: 150, declination: 33 },
  { iau_code: 'URS', name: 'Ursids', parent_body: '8P/Tuttle', day: 356, zhr: 10, declination: 76 },
] as const;
const YEARS = 14;

export function meteorShowers(chance: Chance): Row[] {
  return rows(SHOWERS.length * YEARS, (id) => {
    const { iau_code, name, parent_body, day, zhr, declination } = SHOWERS[(id - 1) % SHOWERS.length] ?? SHOWERS[0];
    const year = Math.floor((id - 1) / SHOWERS.length);
    return {
      iau_code,
      name,
      parent_body,
      peak_at: instant((year * 365.2422 + day) * 24),
      zenithal_hourly_rate: zhr + chance.whole(-5, 5),
      radiant_declination_deg: declination,
    };
  });
}

const VOLCANOES = [
  { volcano_name: 'Etna', latitude: 37.75, longitude: 14.99 },
  { volcano_name: 'Kīlauea', latitude: 19.42, longitude: -155.29 },
  { volcano_name: 'Popocatépetl', latitude: 19.02, longitude: -98.62 },
  { volcano_name: 'Sakurajima', latitude: 31.59, longitude: 130.66 },
  { volcano_name: 'Merapi', latitude: -7.54, longitude: 110.45 },
  { volcano_name: 'Piton de la Fournaise', latitude: -21.24, longitude: 55.71 },
] as const;

export function volcanicActivity(chance: Chance): Row[] {
  return rows(600, (id) => {
    const from = (id / 600) * SPAN;
    return {
      ...(VOLCANOES[id % VOLCANOES.length] ?? VOLCANOES[0]),
      started_at: instant(from),
      ended_at: chance.now(0.97) ? instant(from + chance.between(5, 2000, 1)) : null,
      explosivity_index: chance.pick([0, 1, 1, 2, 2, 3]),
    };
  });
}
