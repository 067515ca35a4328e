-- Backfill: the sign of the zodiac that each position lies in, twelve of 30 degrees each.
ALTER TABLE ephemeris ADD COLUMN zodiac_sign text;

UPDATE ephemeris
   SET zodiac_sign = (ARRAY['Aries', 'Taurus', 'Gemini', 'Cancer', 'Leo', 'Virgo', 'Libra', 'Scorpio', 'Sagittarius',
                            'Capricorn', 'Aquarius', 'Pisces'])[1 + floor(ecliptic_longitude_deg / 30)::integer];

ALTER TABLE ephemeris ALTER COLUMN zodiac_sign SET NOT NULL;
