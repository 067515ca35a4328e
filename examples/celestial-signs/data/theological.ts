// What was written of signs in the sky: real references, with what they say in a few words.
import type { Row } from './contents.js';
import { Chance, rows } from './random.js';

const PROPHECIES = [
  ['Genesis 1:14', 'Lights for signs and seasons', 'Lights in the sky part the day from the night.', 'stars'],
  ['Numbers 24:17', 'A star out of Jacob', 'A star comes forth, and a sceptre rises.', 'stars'],
  ['Isaiah 13:10', 'Stars without light', 'Stars and constellations give no light, the sun is dark.', 'sun'],
  ['Isaiah 24:23', 'The moon confounded', 'The moon is confounded and the sun ashamed.', 'moon'],
  ['Isaiah 34:4', 'The heavens rolled up', 'The heavens are rolled together as a scroll.', 'stars'],
  ['Ezekiel 32:7-8', 'Lamps put out', 'A cloud covers the sun, and the moon gives no light.', 'sun'],
  ['Joel 2:10', 'The earth quakes', 'The earth quakes, sun and moon are dark.', 'earth'],
  ['Joel 2:30-31', 'Sun to darkness, moon to blood', 'Wonders in the heavens before the great day.', 'moon'],
  ['Joel 3:15', 'Sun and moon darkened', 'The stars withdraw their shining.', 'sun'],
  ['Amos 8:9', 'Dark at noon', 'The sun goes down at noon of a clear day.', 'sun'],
  ['Haggai 2:6-7', 'Heaven and earth shaken', 'Once more, in a little while, all is shaken.', 'earth'],
  ['Zechariah 14:6-7', 'One day', 'Neither day nor night, and light at evening.', 'sun'],
  ['Matthew 2:2', 'The star in the east', 'Wise men have seen a star.', 'conjunction'],
  ['Matthew 24:7', 'Earthquakes in places', 'Famines and earthquakes in divers places.', 'earth'],
  ['Matthew 24:29', 'After the tribulation', 'The sun is dark, and the stars fall.', 'stars'],
  ['Mark 13:24-25', 'Powers shaken', 'The powers in the heavens are shaken.', 'stars'],
  ['Luke 21:11', 'Great signs from heaven', 'Great earthquakes, and fearful sights.', 'earth'],
  ['Luke 21:25', 'Signs in sun, moon and stars', 'And on the earth the roaring of the sea.', 'conjunction'],
  ['Acts 2:19-20', 'Wonders above', 'Wonders in heaven above, and signs below.', 'moon'],
  ['2 Peter 3:10', 'As a thief', 'The heavens pass away with a great noise.', 'earth'],
  ['Revelation 6:12-13', 'The sixth seal', 'A great earthquake, a black sun, and a moon as blood.', 'moon'],
  ['Revelation 8:10-11', 'Wormwood', 'A great star falls, burning as a lamp.', 'stars'],
  ['Revelation 8:12', 'A third of the light', 'A third of sun, moon and stars is smitten.', 'sun'],
  ['Revelation 12:1-2', 'A woman clothed with the sun', 'The moon under her feet, twelve stars above.', 'conjunction'],
  ['Revelation 16:18', 'The greatest earthquake', 'Such as was not since men were on the earth.', 'earth'],
] as const;

const SIGNS = [
  ['Total solar eclipse', 'eclipse', ['sun', 'moon', 'darkness']],
  ['Annular solar eclipse', 'eclipse', ['sun', 'moon']],
  ['Total lunar eclipse', 'eclipse', ['moon', 'blood']],
  ['Lunar tetrad', 'eclipse', ['moon', 'four']],
  ['Jupiter meets Saturn', 'conjunction', ['planets', 'star']],
  ['Jupiter meets Regulus', 'conjunction', ['planets', 'king']],
  ['Sun in Virgo, moon at her feet', 'conjunction', ['sun', 'moon', 'Virgo']],
  ['Five planets in a row', 'conjunction', ['planets']],
  ['Meteor storm', 'meteor', ['stars', 'fall']],
  ['Great fireball', 'meteor', ['star', 'burning']],
  ['Great comet', 'comet', ['star', 'tail']],
  ['Sun-grazing comet', 'comet', ['sun', 'tail']],
  ['Dark day', 'darkening', ['sun', 'smoke']],
  ['Volcanic winter', 'darkening', ['sun', 'ash']],
  ['Great earthquake', 'quake', ['earth']],
  ['Swarm of earthquakes', 'quake', ['earth', 'many']],
] as const;

export const prophecies = (): Row[] =>
  rows(PROPHECIES.length, (id) => {
    const [scripture_reference, title, summary, category] = PROPHECIES[id - 1] ?? PROPHECIES[0];
    return { scripture_reference, title, summary, category };
  });

export const celestialSigns = (): Row[] =>
  rows(SIGNS.length, (id) => {
    const [name, sign_type, keywords] = SIGNS[id - 1] ?? SIGNS[0];
    return { name, sign_type, keywords, description: `${name}: ${keywords.join(', ')}` };
  });

/** Each prophecy with three signs. */
export const relationships = (chance: Chance): Row[] =>
  rows(PROPHECIES.length * 3, (id) => {
    const prophecy = Math.floor((id - 1) / 3);
    return {
      prophecy_id: prophecy + 1,
      celestial_sign_id: 1 + ((prophecy * 5 + (id % 3) * 4) % SIGNS.length),
      confidence: chance.whole(20, 95),
    };
  });
