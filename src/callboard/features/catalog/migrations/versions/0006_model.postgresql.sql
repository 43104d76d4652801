-- Kinds and fields that administrators declare in the browser: every version of the layer as JSON; the highest number holds.
CREATE TABLE catalog_model (
  number INTEGER PRIMARY KEY,
  layer TEXT NOT NULL,
  saved_at TEXT NOT NULL,
  saved_by TEXT NOT NULL,
  note TEXT NOT NULL
);
