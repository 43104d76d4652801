-- What was written of an entity of the portal's store, comments and all. It holds while the catalog has the entity under the
-- same mark; otherwise the entity was changed by other means, and is told as it stands.
CREATE TABLE editing_text (
  ref TEXT PRIMARY KEY,
  mark TEXT NOT NULL,
  text TEXT NOT NULL,
  saved_at TEXT NOT NULL,
  saved_by TEXT NOT NULL
);
