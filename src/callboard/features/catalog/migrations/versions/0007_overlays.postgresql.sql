-- What people decided about an entity that a source gives: fields laid over it, and whether it is kept out of the catalog. It
-- outlives the entity, and waits for it. "source" is the document as the source gave it last, processed.
CREATE TABLE catalog_overlay (
  ref TEXT PRIMARY KEY,
  fields TEXT NOT NULL,
  mark TEXT NOT NULL,
  saved_by TEXT NOT NULL,
  saved_at TEXT NOT NULL,
  hidden_by TEXT,
  hidden_at TEXT,
  hidden_why TEXT,
  problem TEXT,
  source BYTEA
);
-- What can be brought back: deletions of one source, last ones first.
CREATE INDEX catalog_history_deleted ON catalog_history (source, id) WHERE change = 'deleted';
