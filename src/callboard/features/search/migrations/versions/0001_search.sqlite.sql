-- What can be found. All of it is made anew from the collators at any time; the engine's own tables besides are made when a portal starts.
-- number: the resource's number times 2^24, and a number of its own in that resource; below 2^24 for what belongs to none.
-- forms are the words of each field as they are compared, a line a field; payload is the document as JSON; digest is of both.
CREATE TABLE search_document (
  number INTEGER PRIMARY KEY,
  type TEXT NOT NULL,
  id TEXT NOT NULL,
  scope TEXT NOT NULL,
  parent TEXT NOT NULL,
  digest TEXT NOT NULL,
  prior REAL NOT NULL,
  forms TEXT NOT NULL,
  payload BLOB NOT NULL,
  UNIQUE (type, id)
);
CREATE INDEX search_document_scope ON search_document (type, scope);

-- How things are called, as text.tokens.name_key writes it.
CREATE TABLE search_name (
  name TEXT NOT NULL,
  number INTEGER NOT NULL,
  PRIMARY KEY (name, number)
) WITHOUT ROWID;
CREATE INDEX search_name_number ON search_name (number);

-- What a collator had when it was last asked; revision '' has it asked again at the next sweep. Rows of type '' say how the index was made, and when it last changed.
CREATE TABLE search_scope (
  type TEXT NOT NULL,
  scope TEXT NOT NULL,
  revision TEXT NOT NULL,
  PRIMARY KEY (type, scope)
) WITHOUT ROWID;

-- Scopes to ask for again; scope '' of a type: compare all revisions.
CREATE TABLE search_pending (
  type TEXT NOT NULL,
  scope TEXT NOT NULL,
  PRIMARY KEY (type, scope)
) WITHOUT ROWID;

-- Words as written, what the index compares, and in how many documents each stands.
CREATE TABLE search_word (
  form TEXT PRIMARY KEY,
  term TEXT NOT NULL,
  documents INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX search_word_term ON search_word (term);

-- Words by what they share with words near them (text.typos.keys).
CREATE TABLE search_near (
  key INTEGER NOT NULL,
  form TEXT NOT NULL,
  PRIMARY KEY (key, form)
) WITHOUT ROWID;
