DROP VIEW open_alerts;
DROP TABLE detected_correlations;
DROP TABLE rules;
DROP TABLE alerts;
DROP TABLE triggers;

DROP TYPE severity;
DROP EXTENSION "uuid-ossp";
