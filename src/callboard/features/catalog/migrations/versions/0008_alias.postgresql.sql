-- An earlier name of an entity. No node stands under old_id. reason: renamed, merged (then whatever a source gives by the old
-- name is kept out), reorganised.
CREATE TABLE catalog_alias (
  old_id BIGINT PRIMARY KEY REFERENCES catalog_ref (id),
  new_id BIGINT NOT NULL REFERENCES catalog_ref (id),
  reason TEXT NOT NULL,
  note TEXT NOT NULL,
  created_at TEXT NOT NULL,
  created_by TEXT NOT NULL
);
CREATE INDEX catalog_alias_new ON catalog_alias (new_id);
