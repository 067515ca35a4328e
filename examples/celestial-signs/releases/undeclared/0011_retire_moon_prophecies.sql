-- What is written of the moon is kept elsewhere from now on.

-- migrate-safe:up
DELETE FROM prophecies WHERE category = 'moon';
