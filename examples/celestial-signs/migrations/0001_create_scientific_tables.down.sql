DROP TABLE close_approaches;
DROP TABLE impact_risks;
DROP TABLE orbital_elements;
DROP TABLE ephemeris;
