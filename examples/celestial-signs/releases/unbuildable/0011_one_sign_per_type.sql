-- migrate-safe:up
CREATE UNIQUE INDEX CONCURRENTLY celestial_signs_one_per_type ON celestial_signs (sign_type);

-- migrate-safe:down
DROP INDEX CONCURRENTLY celestial_signs_one_per_type;
