-- A look at a target. JSON columns as text; repository_id is empty for an organisation.
CREATE TABLE proposals_scan (
  id TEXT PRIMARY KEY,
  seq INTEGER NOT NULL,
  target TEXT NOT NULL,
  kind TEXT NOT NULL,
  stage TEXT NOT NULL,
  again INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  created_by TEXT NOT NULL,
  ended_at TEXT,
  done INTEGER NOT NULL,
  total INTEGER NOT NULL,
  step TEXT NOT NULL,
  counts TEXT NOT NULL,
  notes TEXT NOT NULL,
  error TEXT NOT NULL,
  repository_id TEXT NOT NULL
);
CREATE INDEX proposals_scan_seq ON proposals_scan (seq);
-- What was read last of a repository: while its head and the version of the detectors stay, there is nothing to do.
CREATE TABLE proposals_repository (
  id TEXT PRIMARY KEY,
  target TEXT NOT NULL,
  name TEXT NOT NULL,
  url TEXT NOT NULL,
  head TEXT NOT NULL,
  version INTEGER NOT NULL,
  scanned_at TEXT NOT NULL,
  scan_id TEXT NOT NULL,
  facts TEXT NOT NULL
);
-- body is the draft as found last; accepted_body as it was when it was accepted or its changes were seen; edits are a person's.
CREATE TABLE proposals_item (
  id TEXT PRIMARY KEY,
  repository_id TEXT NOT NULL,
  key TEXT NOT NULL,
  position INTEGER NOT NULL,
  kind TEXT NOT NULL,
  ref TEXT NOT NULL,
  title TEXT NOT NULL,
  state TEXT NOT NULL,
  confidence TEXT NOT NULL,
  words TEXT NOT NULL,
  body TEXT NOT NULL,
  definition TEXT NOT NULL,
  edits TEXT NOT NULL,
  accepted_body TEXT,
  accepted_ref TEXT NOT NULL,
  is_changed INTEGER NOT NULL,
  is_gone INTEGER NOT NULL,
  scan_id TEXT NOT NULL,
  found_at TEXT NOT NULL,
  decided_at TEXT,
  decided_by TEXT NOT NULL
);
CREATE UNIQUE INDEX proposals_item_key ON proposals_item (repository_id, key);
CREATE INDEX proposals_item_state ON proposals_item (state, repository_id, position);
CREATE INDEX proposals_item_ref ON proposals_item (ref);
