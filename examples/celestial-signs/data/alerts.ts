// Made-up alerts and correlations, over events that are there.
import type { Row } from './contents.js';
import { Chance, instant, rows, SPAN } from './random.js';

const TRIGGERS = [
  ['Strong earthquake', 'earthquakes', { magnitude: { min: 7 } }, 'critical'],
  ['Earthquake', 'earthquakes', { magnitude: { min: 6 } }, 'warning'],
  ['X-class flare', 'solar_events', { class: 'X' }, 'warning'],
  ['Geomagnetic storm', 'solar_events', { kp_index: { min: 7 } }, 'watch'],
  ['Near pass', 'close_approaches', { miss_distance_au: { max: 0.001 } }, 'watch'],
  ['Risk of impact', 'impact_risks', { torino_scale: { min: 1 } }, 'critical'],
  ['Shower at its peak', 'meteor_showers', { zenithal_hourly_rate: { min: 100 } }, 'info'],
  ['Large eruption', 'volcanic_activity', { explosivity_index: { min: 3 } }, 'warning'],
] as const;

export const triggers = (): Row[] =>
  rows(TRIGGERS.length, (id) => {
    const [name, data_source, condition, severity] = TRIGGERS[id - 1] ?? TRIGGERS[0];
    return { name, data_source, condition, severity, is_enabled: id !== 7 };
  });

export const alerts = (chance: Chance): Row[] =>
  rows(500, (id) => {
    const trigger = chance.whole(1, TRIGGERS.length);
    const [name, , , severity] = TRIGGERS[trigger - 1] ?? TRIGGERS[0];
    const at = (id / 500) * SPAN;
    return {
      reference: `00000000-0000-4000-8000-${String(id).padStart(12, '0')}`,
      trigger_id: trigger,
      celestial_sign_id: chance.now(0.3) ? chance.whole(1, 16) : null,
      severity,
      title: `${name}, no. ${id}`,
      raised_at: instant(at),
      acknowledged_at: chance.now(0.9) ? instant(at + chance.between(0.1, 48, 2)) : null,
    };
  });

const RULES = [
  ['Quake after storm', 'solar_events', 'earthquakes', '3 days'],
  ['Quake at full moon', 'ephemeris', 'earthquakes', '1 day'],
  ['Eruption after quake', 'earthquakes', 'volcanic_activity', '14 days'],
  ['Shower after comet', 'close_approaches', 'meteor_showers', '90 days'],
] as const;

export const rules = (): Row[] =>
  rows(RULES.length, (id) => {
    const [name, first_kind, second_kind, within] = RULES[id - 1] ?? RULES[0];
    return { name, first_kind, second_kind, within };
  });

/** A tenth of them are with the second report of an earthquake. */
export const detectedCorrelations = (chance: Chance): Row[] =>
  rows(800, (id) => ({
    rule_id: 1 + (id % RULES.length),
    earthquake_id: id % 10 === 0 ? 40 * chance.whole(1, 300) : chance.whole(1, 12_000),
    solar_event_id: chance.now(0.6) ? chance.whole(1, 1500) : null,
    score: chance.between(0, 1, 4),
    details: { lag_hours: chance.between(0, 72, 1), method: chance.pick(['window', 'cross-correlation']) },
    detected_at: instant((id / 800) * SPAN),
  }));
