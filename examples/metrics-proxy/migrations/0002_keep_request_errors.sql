-- What a completion that failed was answered with. It goes when its request goes.

-- migrate-safe:up
CREATE TABLE request_errors (
  request_id INTEGER PRIMARY KEY REFERENCES completion_requests (id) ON DELETE CASCADE,
  status     INTEGER NOT NULL,
  message    TEXT    NOT NULL
);

-- migrate-safe:down
DROP TABLE request_errors;
