-- A named list: what its address says, and whom it is there for (``audience``: a user's ref, a group's ref, or "everybody").
CREATE TABLE catalog_view (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  query TEXT NOT NULL,
  audience TEXT NOT NULL,
  owner TEXT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  updated_by TEXT NOT NULL,
  UNIQUE (audience, kind, name)
);
-- The view that a list of this kind ("" for all kinds) opens with, for whom.
CREATE TABLE catalog_view_default (
  audience TEXT NOT NULL,
  kind TEXT NOT NULL,
  view_id TEXT NOT NULL REFERENCES catalog_view (id) ON DELETE CASCADE,
  PRIMARY KEY (audience, kind)
);
CREATE INDEX catalog_view_default_view ON catalog_view_default (view_id);
-- Which entities somebody opened: at most 200 a person, none for those who do not want it.
CREATE TABLE catalog_visit (
  user_ref TEXT NOT NULL,
  ref TEXT NOT NULL,
  visits INTEGER NOT NULL,
  last_at TEXT NOT NULL,
  PRIMARY KEY (user_ref, ref)
);
