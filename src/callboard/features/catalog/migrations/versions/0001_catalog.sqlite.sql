-- Every ref that anything mentions has one number; nodes, entities and relations are keyed by it.
CREATE TABLE catalog_ref (
  id INTEGER PRIMARY KEY,
  ref TEXT NOT NULL UNIQUE
);

-- A document that some source gives. It is an entity as soon as one version of it was good.
CREATE TABLE catalog_node (
  id INTEGER PRIMARY KEY REFERENCES catalog_ref (id),
  uid TEXT NOT NULL,
  location_key TEXT,
  location TEXT NOT NULL DEFAULT '',
  origin TEXT NOT NULL DEFAULT '',
  owner TEXT,
  unprocessed BLOB,
  failed_since TEXT,
  stitch_due INTEGER NOT NULL DEFAULT 0,
  created_at TEXT NOT NULL
);
CREATE INDEX catalog_node_stitch_due ON catalog_node (id) WHERE stitch_due = 1;
CREATE INDEX catalog_node_failed ON catalog_node (id) WHERE failed_since IS NOT NULL;

-- The stitched entity: the exact UTF-8 JSON that goes out.
CREATE TABLE catalog_entity (
  id INTEGER PRIMARY KEY REFERENCES catalog_node (id),
  revision INTEGER NOT NULL,
  updated_at TEXT NOT NULL,
  json BLOB NOT NULL
);
CREATE INDEX catalog_entity_revision ON catalog_entity (revision);

-- Processed documents of a bulk load, until they are stitched with all their relations at once.
CREATE TABLE catalog_pending (
  id INTEGER PRIMARY KEY,
  json BLOB NOT NULL
);

CREATE TABLE catalog_gone (
  revision INTEGER NOT NULL,
  id INTEGER NOT NULL,
  PRIMARY KEY (revision, id)
) WITHOUT ROWID;

-- Bumped once in every transaction that changes an entity; caches are true for one revision.
CREATE TABLE catalog_revision (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  revision INTEGER NOT NULL
);
INSERT INTO catalog_revision (id, revision) VALUES (1, 1);

CREATE TABLE catalog_key (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE
);

-- value is lower-cased; U+0001 alone stands for null or too long. original is NULL where it equals value.
-- item is 1 where the value is a string in a list: only then does "<key>.<value>" count as a key of its own.
CREATE TABLE catalog_term (
  key_id INTEGER NOT NULL,
  value TEXT NOT NULL,
  entity_id INTEGER NOT NULL,
  original TEXT,
  item INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (key_id, value, entity_id)
) WITHOUT ROWID;

-- Both directions of every relation are rows; origin_id is the entity whose document says so.
CREATE TABLE catalog_relation (
  source_id INTEGER NOT NULL,
  type TEXT NOT NULL,
  target_id INTEGER NOT NULL,
  origin_id INTEGER NOT NULL,
  PRIMARY KEY (source_id, type, target_id, origin_id)
) WITHOUT ROWID;
CREATE INDEX catalog_relation_origin ON catalog_relation (origin_id);

-- Named sources (providers) and who gives what. parent_id 0: the source itself; source_id 0: the parent node.
CREATE TABLE catalog_source (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  failed_since TEXT,
  error TEXT,
  refreshed_at TEXT
);
CREATE TABLE catalog_edge (
  parent_id INTEGER NOT NULL,
  source_id INTEGER NOT NULL,
  child_id INTEGER NOT NULL,
  file_id INTEGER NOT NULL DEFAULT 0,
  hash TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (parent_id, source_id, child_id, file_id)
) WITHOUT ROWID;
CREATE INDEX catalog_edge_child ON catalog_edge (child_id);

-- Files that Location entities name, and the documents in them as last read.
CREATE TABLE catalog_file (
  id INTEGER PRIMARY KEY,
  parent_id INTEGER NOT NULL,
  target TEXT NOT NULL,
  location TEXT NOT NULL,
  etag TEXT,
  hash TEXT,
  context TEXT,
  state TEXT NOT NULL DEFAULT 'new',
  error TEXT,
  read_at TEXT,
  changed_at TEXT,
  UNIQUE (parent_id, location)
);
CREATE INDEX catalog_file_location ON catalog_file (location);
CREATE TABLE catalog_document (
  file_id INTEGER NOT NULL,
  position INTEGER NOT NULL,
  hash TEXT NOT NULL,
  line INTEGER NOT NULL,
  ref_id INTEGER,
  state TEXT NOT NULL,
  PRIMARY KEY (file_id, position)
) WITHOUT ROWID;
CREATE INDEX catalog_document_ref ON catalog_document (ref_id);

-- What a placeholder read: a change there means the document must be processed again.
CREATE TABLE catalog_read (
  url TEXT NOT NULL,
  ref_id INTEGER NOT NULL,
  file_id INTEGER NOT NULL,
  etag TEXT,
  PRIMARY KEY (url, ref_id, file_id)
) WITHOUT ROWID;
CREATE INDEX catalog_read_file ON catalog_read (file_id);

CREATE TABLE catalog_finding (
  id INTEGER PRIMARY KEY,
  subject_id INTEGER NOT NULL,
  file_id INTEGER NOT NULL DEFAULT 0,
  entity_ref TEXT,
  owner TEXT,
  severity TEXT NOT NULL,
  stage TEXT NOT NULL,
  name TEXT NOT NULL,
  message TEXT NOT NULL,
  file TEXT,
  line INTEGER,
  col INTEGER,
  field TEXT,
  fix TEXT,
  since TEXT NOT NULL
);
CREATE INDEX catalog_finding_subject ON catalog_finding (subject_id);
CREATE INDEX catalog_finding_file ON catalog_finding (file_id);

CREATE TABLE catalog_history (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  ref_id INTEGER NOT NULL,
  at TEXT NOT NULL,
  change TEXT NOT NULL,
  source TEXT NOT NULL,
  actor TEXT NOT NULL,
  diff TEXT
);
CREATE INDEX catalog_history_ref ON catalog_history (ref_id, id);

CREATE TABLE catalog_location (
  id TEXT PRIMARY KEY,
  type TEXT NOT NULL,
  target TEXT NOT NULL,
  entity_ref TEXT NOT NULL,
  created_at TEXT NOT NULL,
  UNIQUE (type, target)
);
