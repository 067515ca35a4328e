-- Two feeds report the same earthquake. The first report of each is kept, and what was correlated with another one now
-- points to it. The rows that go are meant to go. A revert does not bring them back; after it this does:
-- migrate-safe restore --before-step 0007 --tables earthquakes,detected_correlations
-- migrate-safe: may-lose-rows table=earthquakes
UPDATE detected_correlations AS correlation
   SET earthquake_id = first.id
  FROM earthquakes AS reported
  JOIN (SELECT event_code, min(id) AS id FROM earthquakes GROUP BY event_code) AS first USING (event_code)
 WHERE correlation.earthquake_id = reported.id AND reported.id <> first.id;

DELETE FROM earthquakes AS repeated
 USING earthquakes AS first
 WHERE first.event_code = repeated.event_code AND first.id < repeated.id;

DROP INDEX earthquakes_by_code;
ALTER TABLE earthquakes ADD CONSTRAINT earthquakes_event_code UNIQUE (event_code);
