-- Built beside the application's writes, which PostgreSQL does outside a transaction only: so does migrate-safe, and looks
-- afterwards whether the index is valid.
CREATE INDEX CONCURRENTLY ephemeris_by_zodiac_sign ON ephemeris (zodiac_sign, epoch);
