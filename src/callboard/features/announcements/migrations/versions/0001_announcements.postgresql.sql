-- What is announced. ends_at '' is never; notified_at is set in the transaction that sends the notification, so that it goes once.
CREATE TABLE announcement (
  id TEXT PRIMARY KEY,
  title TEXT NOT NULL,
  body TEXT NOT NULL,
  severity TEXT NOT NULL,
  starts_at TEXT NOT NULL,
  ends_at TEXT NOT NULL,
  pinned INTEGER NOT NULL,
  notify INTEGER NOT NULL,
  notified_at TEXT,
  created_at TEXT NOT NULL,
  created_by TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  updated_by TEXT NOT NULL,
  version INTEGER NOT NULL
);
CREATE INDEX announcement_by_start ON announcement (starts_at);

-- For whom; one without rows is for everybody.
CREATE TABLE announcement_audience (
  announcement_id TEXT NOT NULL REFERENCES announcement (id) ON DELETE CASCADE,
  group_ref TEXT NOT NULL,
  PRIMARY KEY (announcement_id, group_ref)
);

-- Who took it off their home page.
CREATE TABLE announcement_dismissal (
  announcement_id TEXT NOT NULL REFERENCES announcement (id) ON DELETE CASCADE,
  user_ref TEXT NOT NULL,
  at TEXT NOT NULL,
  PRIMARY KEY (announcement_id, user_ref)
);
