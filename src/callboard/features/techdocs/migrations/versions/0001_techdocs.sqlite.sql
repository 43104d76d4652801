-- Entities that have documentation. plan is a digest of what they say of it; failure is why its own version could not be read the last time.
CREATE TABLE techdocs_site (
  ref TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  title TEXT NOT NULL,
  description TEXT NOT NULL,
  owner TEXT,
  plan TEXT NOT NULL,
  is_local INTEGER NOT NULL,
  failure TEXT
);

-- What was read of a site: name '' is what the entity names, others are branches, tags and commits. revision is the source's word for
-- what it was, digest that of all paths and contents. meta is JSON: folder of pages, sections, problems of reading.
CREATE TABLE techdocs_version (
  id TEXT PRIMARY KEY,
  ref TEXT NOT NULL REFERENCES techdocs_site (ref) ON DELETE CASCADE,
  name TEXT NOT NULL,
  plan TEXT NOT NULL,
  revision TEXT NOT NULL,
  digest TEXT NOT NULL,
  meta BLOB NOT NULL,
  pages INTEGER,
  problems INTEGER,
  changed_at TEXT,
  read_at TEXT NOT NULL,
  checked_at TEXT NOT NULL,
  used_at TEXT NOT NULL,
  UNIQUE (ref, name)
);

CREATE TABLE techdocs_file (
  version_id TEXT NOT NULL REFERENCES techdocs_version (id) ON DELETE CASCADE,
  path TEXT NOT NULL,
  hash TEXT NOT NULL,
  size INTEGER NOT NULL,
  changed_at TEXT NOT NULL,
  changed_by TEXT,
  PRIMARY KEY (version_id, path)
) WITHOUT ROWID;
CREATE INDEX techdocs_file_by_hash ON techdocs_file (hash);

-- Pages of the version that a site's address names, for search and lists. revision differs with the text of the page.
CREATE TABLE techdocs_page (
  ref TEXT NOT NULL REFERENCES techdocs_site (ref) ON DELETE CASCADE,
  path TEXT NOT NULL,
  title TEXT NOT NULL,
  revision TEXT NOT NULL,
  PRIMARY KEY (ref, path)
) WITHOUT ROWID;

-- Contents, shared by versions and sites. kept_at: one without files goes only when nobody can be about to name it.
CREATE TABLE techdocs_blob (
  hash TEXT PRIMARY KEY,
  content BLOB NOT NULL,
  kept_at TEXT NOT NULL
);

-- Rendered pages by the key of everything that goes into them.
CREATE TABLE techdocs_rendered (
  key TEXT PRIMARY KEY,
  content BLOB NOT NULL,
  size INTEGER NOT NULL,
  used_at TEXT NOT NULL
);
CREATE INDEX techdocs_rendered_by_use ON techdocs_rendered (used_at);
