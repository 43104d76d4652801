-- A run of a template. JSON columns as text; secrets are sealed and gone when the task has ended. run names the attempt that may
-- write, empty while nobody works on it; takeovers counts attempts that were cut off since the last retry.
CREATE TABLE scaffolder_task (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL,
  spec TEXT NOT NULL,
  actor TEXT NOT NULL,
  created_at TEXT NOT NULL,
  created_by TEXT,
  template_ref TEXT,
  secrets BLOB,
  is_sealed INTEGER NOT NULL,
  run TEXT,
  attempt INTEGER NOT NULL,
  takeovers INTEGER NOT NULL,
  started_at TEXT,
  heartbeat_at TEXT,
  ended_at TEXT,
  cancel_at TEXT,
  output TEXT,
  error TEXT,
  snapshot TEXT
);
CREATE INDEX scaffolder_task_state ON scaffolder_task (state, heartbeat_at);
CREATE INDEX scaffolder_task_created_by ON scaffolder_task (created_by, seq);
CREATE INDEX scaffolder_task_template ON scaffolder_task (template_ref, seq);
CREATE INDEX scaffolder_task_ended ON scaffolder_task (ended_at) WHERE ended_at IS NOT NULL;
-- output is what the step gave, sealed where the task says so; kept until the task has completed.
CREATE TABLE scaffolder_task_step (
  task_id TEXT NOT NULL,
  position INTEGER NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  action TEXT NOT NULL,
  state TEXT NOT NULL,
  started_at TEXT,
  ended_at TEXT,
  error TEXT,
  output BLOB,
  PRIMARY KEY (task_id, position)
);
CREATE TABLE scaffolder_task_event (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  task_id TEXT NOT NULL,
  type TEXT NOT NULL,
  created_at TEXT NOT NULL,
  body TEXT NOT NULL
);
CREATE INDEX scaffolder_task_event_task ON scaffolder_task_event (task_id, id);
CREATE TABLE scaffolder_task_checkpoint (
  task_id TEXT NOT NULL,
  step_id TEXT NOT NULL,
  key TEXT NOT NULL,
  value BLOB NOT NULL,
  PRIMARY KEY (task_id, step_id, key)
);
-- The workspace as the last finished step left it, in parts, where replicas share nothing but the database.
CREATE TABLE scaffolder_workspace (
  task_id TEXT NOT NULL,
  name TEXT NOT NULL,
  position INTEGER NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (task_id, name, position)
);
-- The key of sealed values, where replicas share nothing but the database and the settings give none. One row.
CREATE TABLE scaffolder_key (
  id INTEGER PRIMARY KEY,
  body BLOB NOT NULL
);
