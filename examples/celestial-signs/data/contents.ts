// What the database is to hold: every row of its 15 tables, made up in memory, the same every time.
import { alerts, detectedCorrelations, rules, triggers } from './alerts.js';
import { earthquakes, meteorShowers, solarEvents, volcanicActivity } from './events.js';
import { Chance } from './random.js';
import { closeApproaches, ephemeris, impactRisks, orbitalElements } from './scientific.js';
import { celestialSigns, prophecies, relationships } from './theological.js';

/** A row by its columns; what `jsonb` and arrays hold as the values that they are. */
export type Row = Readonly<Record<string, unknown>>;

/** Rows by table, in the order in which foreign keys let them be written. Every row of a table has the same columns. */
export type Contents = Readonly<Record<string, readonly Row[]>>;

export function makeUp(seed = 1): Contents {
  const chance = new Chance(seed);
  return {
    ephemeris: ephemeris(),
    orbital_elements: orbitalElements(chance),
    impact_risks: impactRisks(chance),
    close_approaches: closeApproaches(chance),
    earthquakes: earthquakes(chance),
    solar_events: solarEvents(chance),
    meteor_showers: meteorShowers(chance),
    volcanic_activity: volcanicActivity(chance),
    prophecies: prophecies(),
    celestial_signs: celestialSigns(),
    relationships: relationships(chance),
    triggers: triggers(),
    alerts: alerts(chance),
    rules: rules(),
    detected_correlations: detectedCorrelations(chance),
  };
}

export const rowsIn = (contents: Contents): number =>
  Object.values(contents).reduce((sum, rows) => sum + rows.length, 0);

/** What step 0007 leaves: each earthquake once, as it was reported first, and correlations that point to it. */
export function withoutRepeats(contents: Contents): Contents {
  const firstOf = new Map<unknown, unknown>();
  const keptAs = new Map<unknown, unknown>();
  for (const { id, event_code } of contents['earthquakes'] ?? []) {
    if (!firstOf.has(event_code)) firstOf.set(event_code, id);
    keptAs.set(id, firstOf.get(event_code));
  }
  return {
    ...contents,
    earthquakes: (contents['earthquakes'] ?? []).filter(({ id }) => keptAs.get(id) === id),
    detected_correlations: (contents['detected_correlations'] ?? []).map((row) => ({
      ...row,
      earthquake_id: keptAs.get(row['earthquake_id']) ?? row['earthquake_id'],
    })),
  };
}
