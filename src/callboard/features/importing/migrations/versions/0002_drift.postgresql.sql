-- How the sheet of an applied import differs from the catalog, as one person sees both. body is the last answer as JSON,
-- NULL before there is one. no counts the requests: a job that ends late must not overwrite what was asked for since.
CREATE TABLE importing_drift (
  import_id TEXT NOT NULL,
  subject TEXT NOT NULL,
  state TEXT NOT NULL,
  no BIGINT NOT NULL,
  done BIGINT NOT NULL DEFAULT 0,
  total BIGINT NOT NULL DEFAULT 0,
  error TEXT NOT NULL DEFAULT '',
  body BYTEA,
  PRIMARY KEY (import_id, subject)
);
