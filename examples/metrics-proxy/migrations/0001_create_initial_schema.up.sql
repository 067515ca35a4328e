-- One row per completion that went through the proxy. Times are UTC, ISO 8601, so that text order is time order.
CREATE TABLE completion_requests (
  id                INTEGER PRIMARY KEY,
  started_at        TEXT    NOT NULL,
  model             TEXT    NOT NULL,
  prompt_tokens     INTEGER NOT NULL CHECK (prompt_tokens >= 0),
  completion_tokens INTEGER NOT NULL CHECK (completion_tokens >= 0),
  duration_ms       INTEGER NOT NULL CHECK (duration_ms >= 0),
  success           INTEGER NOT NULL CHECK (success IN (0, 1))
);

CREATE INDEX completion_requests_by_time ON completion_requests (started_at);
