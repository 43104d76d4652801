-- The last searches of each person, theirs alone.
CREATE TABLE search_recent (
  user_ref TEXT NOT NULL,
  key TEXT COLLATE "C" NOT NULL,
  term TEXT NOT NULL,
  at TEXT NOT NULL,
  PRIMARY KEY (user_ref, key)
);

-- What was searched for, week by week, without who: people, missed_by and wanted_by are sketches (history.sketch).
-- times counts all searches, missed those without result; best is the resource of what was found first.
CREATE TABLE search_asked (
  key TEXT COLLATE "C" NOT NULL,
  week TEXT COLLATE "C" NOT NULL,
  term TEXT NOT NULL,
  times BIGINT NOT NULL,
  missed BIGINT NOT NULL,
  people BYTEA NOT NULL,
  missed_by BYTEA NOT NULL,
  wanted_by BYTEA NOT NULL,
  missed_at TEXT,
  found_at TEXT,
  best TEXT,
  PRIMARY KEY (key, week)
);
CREATE INDEX search_asked_week ON search_asked (week);

-- Results that were opened, week by week, without who.
CREATE TABLE search_opened (
  type TEXT NOT NULL,
  id TEXT NOT NULL,
  week TEXT COLLATE "C" NOT NULL,
  people BYTEA NOT NULL,
  PRIMARY KEY (type, id, week)
);
CREATE INDEX search_opened_week ON search_opened (week);

-- What people opened after a search without result.
CREATE TABLE search_after (
  key TEXT COLLATE "C" NOT NULL,
  type TEXT NOT NULL,
  id TEXT NOT NULL,
  week TEXT COLLATE "C" NOT NULL,
  times BIGINT NOT NULL,
  PRIMARY KEY (key, type, id, week)
);
CREATE INDEX search_after_week ON search_after (week);
