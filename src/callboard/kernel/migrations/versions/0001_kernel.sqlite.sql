-- Work -------------------------------------------------------------------------------------------------------------

CREATE TABLE kernel_job (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  key TEXT,
  payload TEXT NOT NULL,
  priority INTEGER NOT NULL DEFAULT 0,
  state TEXT NOT NULL,                       -- waiting | running | dead; a job that is done is deleted
  run_at TEXT NOT NULL,
  attempt INTEGER NOT NULL DEFAULT 0,        -- how often it was started
  lease_owner TEXT,
  lease_until TEXT,
  last_error TEXT,
  created_at TEXT NOT NULL,
  started_at TEXT
) STRICT;
CREATE UNIQUE INDEX kernel_job_key ON kernel_job (kind, key) WHERE state = 'waiting' AND key IS NOT NULL;
CREATE INDEX kernel_job_due ON kernel_job (kind, priority DESC, run_at, id) WHERE state = 'waiting';
CREATE INDEX kernel_job_next ON kernel_job (kind, run_at) WHERE state = 'waiting';
CREATE INDEX kernel_job_running ON kernel_job (kind, key) WHERE state = 'running';
CREATE INDEX kernel_job_dead ON kernel_job (started_at) WHERE state = 'dead';

CREATE TABLE kernel_schedule (
  name TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  every_ms INTEGER NOT NULL,
  next_run_at TEXT NOT NULL,
  last_started_at TEXT,
  last_ended_at TEXT,
  last_error TEXT
) STRICT, WITHOUT ROWID;

-- Events -----------------------------------------------------------------------------------------------------------

CREATE TABLE kernel_event (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL,
  topic TEXT NOT NULL,
  payload TEXT NOT NULL,
  at TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX kernel_event_id ON kernel_event (id);
CREATE INDEX kernel_event_at ON kernel_event (at);

CREATE TABLE kernel_webhook_delivery (
  id TEXT NOT NULL PRIMARY KEY,
  url TEXT NOT NULL,
  event_id TEXT NOT NULL,
  topic TEXT NOT NULL,
  body TEXT NOT NULL,
  state TEXT NOT NULL,                       -- pending | delivered | failed
  attempts INTEGER NOT NULL DEFAULT 0,
  last_status INTEGER,                       -- HTTP status of the last answer
  last_error TEXT,
  created_at TEXT NOT NULL,
  ended_at TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX kernel_webhook_delivery_created ON kernel_webhook_delivery (created_at);

-- Audit ------------------------------------------------------------------------------------------------------------

CREATE TABLE kernel_audit_event (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  at TEXT NOT NULL,
  plugin TEXT NOT NULL,
  event TEXT NOT NULL,
  severity TEXT NOT NULL,                    -- low | medium | high | critical
  status TEXT NOT NULL,                      -- initiated | succeeded | failed
  actor TEXT NOT NULL,
  actor_type TEXT NOT NULL,
  ip TEXT,
  user_agent TEXT,
  method TEXT,
  url TEXT,
  meta TEXT NOT NULL,
  error TEXT
) STRICT;
CREATE INDEX kernel_audit_event_at ON kernel_audit_event (at);
CREATE INDEX kernel_audit_event_actor ON kernel_audit_event (actor, seq);
CREATE INDEX kernel_audit_event_event ON kernel_audit_event (event, seq);

-- Who may come in --------------------------------------------------------------------------------------------------

CREATE TABLE kernel_user (
  ref TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  email TEXT,
  display_name TEXT,
  password_hash TEXT,
  roles TEXT NOT NULL DEFAULT '[]',
  disabled INTEGER NOT NULL DEFAULT 0,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  last_sign_in_at TEXT
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX kernel_user_email ON kernel_user (email) WHERE email IS NOT NULL;

CREATE TABLE kernel_session (
  id_hash TEXT NOT NULL PRIMARY KEY,
  user_ref TEXT NOT NULL,
  provider TEXT NOT NULL DEFAULT 'local',
  created_at TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  last_seen_at TEXT NOT NULL,
  user_agent TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX kernel_session_user ON kernel_session (user_ref);
CREATE INDEX kernel_session_expires ON kernel_session (expires_at);

CREATE TABLE kernel_api_token (
  id TEXT NOT NULL PRIMARY KEY,
  token_hash TEXT NOT NULL UNIQUE,
  subject TEXT NOT NULL,
  name TEXT NOT NULL,
  scopes TEXT,                               -- JSON array; NULL means that nothing limits it
  created_at TEXT NOT NULL,
  expires_at TEXT,
  last_used_at TEXT,
  revoked_at TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX kernel_api_token_subject ON kernel_api_token (subject);

CREATE TABLE kernel_signing_key (
  kid TEXT NOT NULL PRIMARY KEY,
  plugin TEXT NOT NULL,
  private_jwk TEXT NOT NULL,
  created_at TEXT NOT NULL,
  retire_at TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX kernel_signing_key_plugin ON kernel_signing_key (plugin, created_at);

CREATE TABLE kernel_user_setting (
  user_ref TEXT NOT NULL,
  bucket TEXT NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  PRIMARY KEY (user_ref, bucket, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE kernel_userinfo (
  user_ref TEXT NOT NULL PRIMARY KEY,
  claims TEXT NOT NULL,
  updated_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
