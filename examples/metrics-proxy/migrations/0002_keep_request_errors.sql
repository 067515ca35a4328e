-- What a completion that failed was answered with. It goes when its request goes.

-- migrate-safe:up
CREATE TABLE request_errors (
  id         INTEGER PRIMARY KEY,
  request_id INTEGER NOT NULL REFERENCES completion_requests (id) ON DELETE CASCADE,
  status     INTEGER NOT NULL,
  message    TEXT    NOT NULL
);

CREATE INDEX request_errors_by_request ON request_errors (request_id);

-- migrate-safe:down
DROP TABLE request_errors;
