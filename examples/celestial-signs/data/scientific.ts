// Made-up scientific data: positions of ten bodies every three hours, asteroids and comets, their risks and approaches.
import type { Row } from './contents.js';
import { Chance, instant, rounded, rows, SPAN } from './random.js';

/** Mean longitude at the start (degrees), period (days) and mean distance (astronomical units), as seen from the earth. */
const BODIES = [
  { name: 'Sun', start: 280.5, period: 365.256, distance: 1 },
  { name: 'Moon', start: 51.3, period: 27.3217, distance: 0.00257 },
  { name: 'Mercury', start: 294.1, period: 365.9, distance: 1.04 },
  { name: 'Venus', start: 303.2, period: 364.1, distance: 1.14 },
  { name: 'Mars', start: 69.2, period: 686.98, distance: 1.7 },
  { name: 'Jupiter', start: 1.2, period: 4332.59, distance: 5.2 },
  { name: 'Saturn', start: 322.9, period: 10_759.2, distance: 9.5 },
  { name: 'Uranus', start: 45.1, period: 30_688.5, distance: 19.2 },
  { name: 'Neptune', start: 352.8, period: 60_182, distance: 30.1 },
  { name: 'Pluto', start: 298.1, period: 90_560, distance: 34.6 },
] as const;
const EVERY_HOURS = 3;
const OBLIQUITY = (23.4393 * Math.PI) / 180;

const turned = (degrees: number): number => {
  const whole = rounded(((degrees % 360) + 360) % 360, 6);
  return whole >= 360 ? 0 : whole;
};
const degrees = (radians: number): number => (radians * 180) / Math.PI;

/** On the ecliptic, moving evenly: near enough for a place in the zodiac. */
export function ephemeris(): Row[] {
  const epochs = SPAN / EVERY_HOURS;
  return rows(BODIES.length * epochs, (id) => {
    const { name, start, period, distance } = BODIES[(id - 1) % BODIES.length] ?? BODIES[0];
    const hours = Math.floor((id - 1) / BODIES.length) * EVERY_HOURS;
    const longitude = turned(start + (hours / 24 / period) * 360);
    const radians = (longitude * Math.PI) / 180;
    return {
      object_name: name,
      epoch: instant(hours),
      right_ascension_deg: turned(degrees(Math.atan2(Math.sin(radians) * Math.cos(OBLIQUITY), Math.cos(radians)))),
      declination_deg: rounded(degrees(Math.asin(Math.sin(radians) * Math.sin(OBLIQUITY))), 6),
      ecliptic_longitude_deg: longitude,
      distance_au: rounded(distance * (1 + 0.05 * Math.cos(radians)), 8),
    };
  });
}

const HALF_MONTHS = 'ABCDEFGHJKLMNOPQRSTUVWXY';

export function orbitalElements(chance: Chance): Row[] {
  return rows(400, (id) => {
    const comet = id % 10 === 0;
    const letters = `${HALF_MONTHS[id % 24] ?? 'A'}${HALF_MONTHS[Math.floor(id / 24) % 24] ?? 'A'}`;
    return {
      designation: comet ? `C/2023 ${letters}${id}` : `2023 ${letters}${id}`,
      object_class: comet ? 'comet' : chance.pick(['Apollo', 'Aten', 'Amor', 'Atira']),
      epoch: instant(0),
      semi_major_axis_au: comet ? chance.between(10, 400, 5) : chance.between(0.6, 3.2, 5),
      eccentricity: comet ? chance.between(0.9, 0.999, 6) : chance.between(0.05, 0.7, 6),
      inclination_deg: chance.between(0, comet ? 180 : 40, 4),
      absolute_magnitude: comet ? null : chance.between(16, 27, 2),
      is_potentially_hazardous: !comet && chance.now(0.15),
    };
  });
}

export function impactRisks(chance: Chance): Row[] {
  return rows(120, (id) => ({
    orbital_element_id: 1 + ((id * 7) % 400),
    impact_date: `${2030 + (id % 90)}-${String(1 + (id % 12)).padStart(2, '0')}-15`,
    impact_probability: chance.between(1, 900) / 1e7,
    palermo_scale: chance.between(-9, -1.5, 2),
    torino_scale: id === 42 ? 1 : 0,
  }));
}

export function closeApproaches(chance: Chance): Row[] {
  return rows(2400, (id) => ({
    orbital_element_id: 1 + (id % 400),
    approach_time: instant((id / 2400) * SPAN),
    miss_distance_au: chance.between(0.0002, 0.05, 6),
    relative_velocity_kms: chance.between(4, 38, 2),
  }));
}
