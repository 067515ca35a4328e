ALTER TABLE ephemeris DROP COLUMN zodiac_sign;
