-- Pages that somebody read last, a few dozen a person.
CREATE TABLE techdocs_visit (
  person TEXT NOT NULL,
  ref TEXT NOT NULL,
  path TEXT NOT NULL,
  title TEXT NOT NULL,
  at TEXT NOT NULL,
  PRIMARY KEY (person, ref, path)
);
CREATE INDEX techdocs_visit_by_time ON techdocs_visit (person, at);

-- Whether a page helped, one answer a person and page. done_at: when its owner was done with it, NULL while it is open.
CREATE TABLE techdocs_feedback (
  id TEXT PRIMARY KEY,
  ref TEXT NOT NULL,
  path TEXT NOT NULL,
  person TEXT NOT NULL,
  title TEXT NOT NULL,
  is_helpful INTEGER NOT NULL,
  reason TEXT NOT NULL,
  text TEXT NOT NULL,
  at TEXT NOT NULL,
  done_at TEXT,
  done_by TEXT,
  UNIQUE (ref, path, person)
);
CREATE INDEX techdocs_feedback_by_time ON techdocs_feedback (ref, at);

-- What the last check of a site found. etag is that of the content that was checked; problems is JSON.
CREATE TABLE techdocs_check (
  ref TEXT PRIMARY KEY,
  etag TEXT NOT NULL,
  problems BYTEA NOT NULL,
  errors INTEGER NOT NULL,
  warnings INTEGER NOT NULL,
  links INTEGER NOT NULL,
  at TEXT NOT NULL
);
