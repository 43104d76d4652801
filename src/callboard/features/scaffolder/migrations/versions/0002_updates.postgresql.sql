-- Versions of templates as they were seen, counted from 1. A template that went back has its old hash at a new number.
CREATE TABLE scaffolder_version (
  template_ref TEXT COLLATE "C" NOT NULL,
  number INTEGER NOT NULL,
  version TEXT COLLATE "C" NOT NULL,
  seen_at TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (template_ref, number)
);
-- What a run made. JSON columns as text, answers without secrets; root is the folder of the workspace that was published, into where it
-- went in the repository; opened_* tell of the last update that was opened for it. number 0: the version is not known.
CREATE TABLE scaffolder_made (
  id TEXT COLLATE "C" PRIMARY KEY,
  template_ref TEXT COLLATE "C" NOT NULL,
  entity_ref TEXT COLLATE "C" NOT NULL,
  base_url TEXT COLLATE "C" NOT NULL,
  version TEXT COLLATE "C" NOT NULL,
  number INTEGER NOT NULL,
  answers TEXT NOT NULL,
  run_by TEXT NOT NULL,
  outputs TEXT NOT NULL,
  remote TEXT COLLATE "C" NOT NULL,
  contents TEXT COLLATE "C" NOT NULL,
  root TEXT COLLATE "C" NOT NULL,
  into_path TEXT COLLATE "C" NOT NULL,
  has_tree INTEGER NOT NULL,
  made_at TEXT COLLATE "C" NOT NULL,
  made_by TEXT COLLATE "C" NOT NULL,
  opened_at TEXT COLLATE "C",
  opened_by TEXT COLLATE "C",
  opened_version TEXT COLLATE "C",
  opened_branch TEXT COLLATE "C",
  opened_url TEXT COLLATE "C"
);
CREATE UNIQUE INDEX scaffolder_made_entity ON scaffolder_made (entity_ref);
CREATE INDEX scaffolder_made_template ON scaffolder_made (template_ref, number, entity_ref);
-- The tree of a run: mode is git's (100644, 100755, 120000), digest SHA-256 of the content, link the target of a symbolic link.
CREATE TABLE scaffolder_made_file (
  made_id TEXT COLLATE "C" NOT NULL,
  path TEXT COLLATE "C" NOT NULL,
  digest TEXT COLLATE "C" NOT NULL,
  mode TEXT COLLATE "C" NOT NULL,
  link TEXT COLLATE "C",
  PRIMARY KEY (made_id, path)
);
CREATE INDEX scaffolder_made_file_digest ON scaffolder_made_file (digest);
-- Contents of text files by their digest, compressed with zlib.
CREATE TABLE scaffolder_blob (
  digest TEXT COLLATE "C" PRIMARY KEY,
  size INTEGER NOT NULL,
  body BYTEA NOT NULL
);
