-- The last searches of each person, theirs alone.
CREATE TABLE search_recent (
  user_ref TEXT NOT NULL,
  key TEXT NOT NULL,
  term TEXT NOT NULL,
  at TEXT NOT NULL,
  PRIMARY KEY (user_ref, key)
) WITHOUT ROWID;

-- What was searched for, week by week, without who: people, missed_by and wanted_by are sketches (history.sketch).
-- times counts all searches, missed those without result; best is the resource of what was found first.
CREATE TABLE search_asked (
  key TEXT NOT NULL,
  week TEXT NOT NULL,
  term TEXT NOT NULL,
  times INTEGER NOT NULL,
  missed INTEGER NOT NULL,
  people BLOB NOT NULL,
  missed_by BLOB NOT NULL,
  wanted_by BLOB NOT NULL,
  missed_at TEXT,
  found_at TEXT,
  best TEXT,
  PRIMARY KEY (key, week)
) WITHOUT ROWID;
CREATE INDEX search_asked_week ON search_asked (week);

-- Results that were opened, week by week, without who.
CREATE TABLE search_opened (
  type TEXT NOT NULL,
  id TEXT NOT NULL,
  week TEXT NOT NULL,
  people BLOB NOT NULL,
  PRIMARY KEY (type, id, week)
) WITHOUT ROWID;
CREATE INDEX search_opened_week ON search_opened (week);

-- What people opened after a search without result.
CREATE TABLE search_after (
  key TEXT NOT NULL,
  type TEXT NOT NULL,
  id TEXT NOT NULL,
  week TEXT NOT NULL,
  times INTEGER NOT NULL,
  PRIMARY KEY (key, type, id, week)
) WITHOUT ROWID;
CREATE INDEX search_after_week ON search_after (week);
