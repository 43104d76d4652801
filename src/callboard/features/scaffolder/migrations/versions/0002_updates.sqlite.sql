-- Versions of templates as they were seen, counted from 1. A template that went back has its old hash at a new number.
CREATE TABLE scaffolder_version (
  template_ref TEXT NOT NULL,
  number INTEGER NOT NULL,
  version TEXT NOT NULL,
  seen_at TEXT NOT NULL,
  PRIMARY KEY (template_ref, number)
);
-- What a run made. JSON columns as text, answers without secrets; root is the folder of the workspace that was published, into where it
-- went in the repository; opened_* tell of the last update that was opened for it. number 0: the version is not known.
CREATE TABLE scaffolder_made (
  id TEXT PRIMARY KEY,
  template_ref TEXT NOT NULL,
  entity_ref TEXT NOT NULL,
  base_url TEXT NOT NULL,
  version TEXT NOT NULL,
  number INTEGER NOT NULL,
  answers TEXT NOT NULL,
  run_by TEXT NOT NULL,
  outputs TEXT NOT NULL,
  remote TEXT NOT NULL,
  contents TEXT NOT NULL,
  root TEXT NOT NULL,
  into_path TEXT NOT NULL,
  has_tree INTEGER NOT NULL,
  made_at TEXT NOT NULL,
  made_by TEXT NOT NULL,
  opened_at TEXT,
  opened_by TEXT,
  opened_version TEXT,
  opened_branch TEXT,
  opened_url TEXT
);
CREATE UNIQUE INDEX scaffolder_made_entity ON scaffolder_made (entity_ref);
CREATE INDEX scaffolder_made_template ON scaffolder_made (template_ref, number, entity_ref);
-- The tree of a run: mode is git's (100644, 100755, 120000), digest SHA-256 of the content, link the target of a symbolic link.
CREATE TABLE scaffolder_made_file (
  made_id TEXT NOT NULL,
  path TEXT NOT NULL,
  digest TEXT NOT NULL,
  mode TEXT NOT NULL,
  link TEXT,
  PRIMARY KEY (made_id, path)
);
CREATE INDEX scaffolder_made_file_digest ON scaffolder_made_file (digest);
-- Contents of text files by their digest, compressed with zlib.
CREATE TABLE scaffolder_blob (
  digest TEXT PRIMARY KEY,
  size INTEGER NOT NULL,
  body BLOB NOT NULL
);
