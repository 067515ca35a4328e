-- Built beside the application's writes, which PostgreSQL does outside a transaction only.
-- migrate-safe: no-transaction
-- migrate-safe: done-when SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('ephemeris_by_zodiac_sign')
CREATE INDEX CONCURRENTLY ephemeris_by_zodiac_sign ON ephemeris (zodiac_sign, epoch);
