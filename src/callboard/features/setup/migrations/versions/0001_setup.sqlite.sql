-- The one set-up of a portal. token_hash and session_hash are SHA-256; draft is what was chosen so far, outcome what came of it (JSON).
-- finished_at is set first of all by whoever finishes, so that two cannot.
CREATE TABLE setup_state (
  id INTEGER PRIMARY KEY,
  token_hash TEXT NOT NULL,
  session_hash TEXT,
  expires_at TEXT NOT NULL,
  draft TEXT NOT NULL DEFAULT '{}',
  finished_at TEXT,
  outcome TEXT
);
