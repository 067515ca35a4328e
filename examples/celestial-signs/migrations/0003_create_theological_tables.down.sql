DROP TABLE relationships;
DROP TABLE celestial_signs;
DROP TABLE prophecies;

DROP FUNCTION note_update();
