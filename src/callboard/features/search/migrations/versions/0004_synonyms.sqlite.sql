-- Synonyms that were added in the browser (is_on 1), and learnt ones that were switched off there (0). one sorts before other.
CREATE TABLE search_synonym (
  one TEXT NOT NULL,
  other TEXT NOT NULL,
  is_on INTEGER NOT NULL,
  set_by TEXT NOT NULL,
  set_at TEXT NOT NULL,
  PRIMARY KEY (one, other)
) WITHOUT ROWID;
