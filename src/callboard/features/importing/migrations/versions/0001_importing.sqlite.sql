-- Uploaded bytes, once each however often they come. digest is the SHA-256 of content.
CREATE TABLE importing_file (
  digest TEXT PRIMARY KEY,
  content BLOB NOT NULL,
  size INTEGER NOT NULL
);

-- One upload on its way into the catalog, or there. sheets, mapping, counts and summary are JSON.
-- chosen: 1 once the columns were chosen by a person, 2 when the source was, too.
-- plan_no counts the requests to plan: a job that ends late must not overwrite what was asked for since.
-- seq and applied_no order imports, also those of one millisecond; base_no is the applied_no of the import of the same source
-- that was the newest when the plan was made.
CREATE TABLE importing_import (
  id TEXT PRIMARY KEY,
  seq INTEGER NOT NULL,
  filename TEXT NOT NULL,
  format TEXT NOT NULL,
  file_digest TEXT NOT NULL,
  size INTEGER NOT NULL,
  sheets TEXT NOT NULL,
  sheet TEXT NOT NULL,
  columns_key TEXT NOT NULL,
  mapping TEXT NOT NULL,
  chosen INTEGER NOT NULL DEFAULT 0,
  stage TEXT NOT NULL,
  source TEXT NOT NULL,
  created_at TEXT NOT NULL,
  created_by TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  plan_no INTEGER NOT NULL DEFAULT 0,
  base_no INTEGER NOT NULL DEFAULT 0,
  step TEXT,
  done INTEGER NOT NULL DEFAULT 0,
  total INTEGER NOT NULL DEFAULT 0,
  digest TEXT NOT NULL DEFAULT '',
  counts TEXT NOT NULL DEFAULT '{}',
  summary TEXT,
  error TEXT NOT NULL DEFAULT '',
  error_code TEXT NOT NULL DEFAULT '',
  applied_no INTEGER,
  applied_at TEXT,
  applied_by TEXT NOT NULL DEFAULT '',
  undone_at TEXT,
  undone_by TEXT NOT NULL DEFAULT ''
);
CREATE INDEX importing_import_source ON importing_import (source, applied_no);
CREATE INDEX importing_import_file ON importing_import (file_digest);

-- The plan, an entity a row, in the order of the sheet. mark is what stood there when it was made, NULL for nothing.
-- body is the planned entity as JSON; words is what a search looks in, lower-cased.
CREATE TABLE importing_planned (
  import_id TEXT NOT NULL,
  position INTEGER NOT NULL,
  action TEXT NOT NULL,
  ref TEXT NOT NULL,
  first_row INTEGER NOT NULL,
  words TEXT NOT NULL,
  mark TEXT,
  body BLOB NOT NULL,
  PRIMARY KEY (import_id, position)
);
CREATE INDEX importing_planned_action ON importing_planned (import_id, action, position);

-- What an applied import did to each ref. before, uid, before_mark and location_key are NULL where nothing stood; mark is
-- what it left there, NULL where it took the entity away.
CREATE TABLE importing_change (
  import_id TEXT NOT NULL,
  ref TEXT NOT NULL,
  before BLOB,
  uid TEXT,
  before_mark TEXT,
  location_key TEXT,
  mark TEXT,
  PRIMARY KEY (import_id, ref)
);
CREATE INDEX importing_change_ref ON importing_change (ref);

-- Owners that stood already and that an applied import relies on.
CREATE TABLE importing_reliance (
  import_id TEXT NOT NULL,
  ref TEXT NOT NULL,
  PRIMARY KEY (import_id, ref)
) WITHOUT ROWID;
CREATE INDEX importing_reliance_ref ON importing_reliance (ref);

-- The mapping last applied to a sheet with these columns.
CREATE TABLE importing_mapping (
  columns_key TEXT PRIMARY KEY,
  filename TEXT NOT NULL,
  mapping TEXT NOT NULL,
  saved_at TEXT NOT NULL
);
