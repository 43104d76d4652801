-- Changes of many entities at once. Each item keeps what stood before, so that the whole can be undone.
CREATE TABLE editing_bulk (
  id TEXT PRIMARY KEY,
  stage TEXT NOT NULL,
  made_by TEXT NOT NULL,
  created_at TEXT NOT NULL,
  applied_at TEXT,
  undone_at TEXT,
  change TEXT NOT NULL,
  why TEXT NOT NULL,
  actor TEXT NOT NULL,
  total INTEGER NOT NULL,
  done INTEGER NOT NULL,
  error TEXT NOT NULL
);
CREATE INDEX editing_bulk_made ON editing_bulk (created_at);
CREATE TABLE editing_bulk_item (
  bulk_id TEXT NOT NULL,
  position INTEGER NOT NULL,
  ref TEXT NOT NULL,
  outcome TEXT NOT NULL,
  way TEXT,
  message TEXT NOT NULL,
  value_before TEXT NOT NULL,
  value_after TEXT NOT NULL,
  undo_outcome TEXT,
  undo_message TEXT,
  PRIMARY KEY (bulk_id, position)
);
