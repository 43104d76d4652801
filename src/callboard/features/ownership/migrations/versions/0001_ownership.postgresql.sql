-- Every entity that can have an owner, as of the last look at the catalog. Made anew from the catalog and the confirmations
-- at any time. fields are the values that are to be confirmed, as JSON. basis_at is when all of them were last confirmed;
-- where one is not, it is unconfirmed_since less the time a confirmation lasts. trouble is '' or what is wrong with the owner.
CREATE TABLE ownership_entity (
  ref TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  title TEXT NOT NULL,
  owner TEXT NOT NULL,
  trouble TEXT NOT NULL DEFAULT '',
  fields TEXT NOT NULL,
  unconfirmed_since TEXT,
  basis_at TEXT NOT NULL
);
CREATE INDEX ownership_entity_basis ON ownership_entity (basis_at, ref);
CREATE INDEX ownership_entity_owner ON ownership_entity (owner, basis_at);

-- The value that somebody last said is right. It stays when the entity goes, and holds again if it comes back the same.
CREATE TABLE ownership_confirmation (
  ref TEXT NOT NULL,
  field TEXT NOT NULL,
  value TEXT NOT NULL,
  confirmed_at TEXT NOT NULL,
  confirmed_by TEXT NOT NULL,
  PRIMARY KEY (ref, field)
);

-- state: asked, accepted, declined, withdrawn. At most one of an entity is asked or declined.
CREATE TABLE ownership_handover (
  id TEXT PRIMARY KEY,
  ref TEXT NOT NULL,
  owner TEXT NOT NULL,
  written_owner TEXT,
  new_owner TEXT NOT NULL,
  state TEXT NOT NULL,
  note TEXT NOT NULL,
  asked_at TEXT NOT NULL,
  asked_by TEXT NOT NULL,
  answer TEXT NOT NULL DEFAULT '',
  answered_at TEXT,
  answered_by TEXT
);
CREATE UNIQUE INDEX ownership_handover_open ON ownership_handover (ref) WHERE state IN ('asked', 'declined');
CREATE INDEX ownership_handover_new_owner ON ownership_handover (new_owner, state);

-- When an owner was last asked to confirm (what = 'due'), or those above it (what = 'overdue').
CREATE TABLE ownership_asked (
  owner TEXT NOT NULL,
  what TEXT NOT NULL,
  asked_at TEXT NOT NULL,
  PRIMARY KEY (owner, what)
);

-- A row a day and scope: '' for all, 'kind:…' or 'owner:…'. Counts exclude one another.
CREATE TABLE ownership_snapshot (
  taken_on TEXT NOT NULL,
  scope TEXT NOT NULL,
  confirmed INTEGER NOT NULL,
  due INTEGER NOT NULL,
  overdue INTEGER NOT NULL,
  unowned INTEGER NOT NULL,
  PRIMARY KEY (scope, taken_on)
);

-- What a re-organisation changed, so that it can be undone: changes is JSON, [{ref, before, after}].
CREATE TABLE ownership_reorganisation (
  id TEXT PRIMARY KEY,
  old_owner TEXT NOT NULL,
  new_owner TEXT NOT NULL,
  note TEXT NOT NULL,
  changes TEXT NOT NULL,
  alias INTEGER NOT NULL DEFAULT 0,
  handovers TEXT NOT NULL DEFAULT '[]',
  applied_at TEXT NOT NULL,
  applied_by TEXT NOT NULL,
  undone_at TEXT,
  undone_by TEXT
);
CREATE INDEX ownership_reorganisation_at ON ownership_reorganisation (applied_at);

-- Two entities that are one: given is what the held source gave that had to let go of other, as JSON; '' when none did.
CREATE TABLE ownership_merge (
  id TEXT PRIMARY KEY,
  survivor TEXT NOT NULL,
  other TEXT NOT NULL,
  source TEXT NOT NULL,
  given TEXT NOT NULL,
  before TEXT NOT NULL,
  after TEXT NOT NULL,
  note TEXT NOT NULL,
  merged_at TEXT NOT NULL,
  merged_by TEXT NOT NULL,
  undone_at TEXT,
  undone_by TEXT
);
CREATE UNIQUE INDEX ownership_merge_other ON ownership_merge (other) WHERE undone_at IS NULL;

-- An entity that went while one like it came from the same place: it may be the same under another name.
CREATE TABLE ownership_rename (
  old_ref TEXT PRIMARY KEY,
  new_ref TEXT NOT NULL,
  place TEXT NOT NULL,
  noticed_at TEXT NOT NULL
);
