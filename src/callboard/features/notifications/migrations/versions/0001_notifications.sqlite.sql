-- A message to one user; user_ref '' is a broadcast. One with a scope has an id made of origin, scope and user, so that sending
-- again replaces it. is_shown is 0 where the reader turned the portal's own channel off for it: other channels may still tell.
CREATE TABLE notification (
  id TEXT PRIMARY KEY,
  user_ref TEXT NOT NULL,
  origin TEXT NOT NULL,
  title TEXT NOT NULL,
  description TEXT NOT NULL,
  link TEXT NOT NULL,
  severity INTEGER NOT NULL,
  topic TEXT NOT NULL,
  scope TEXT NOT NULL,
  icon TEXT NOT NULL,
  metadata TEXT NOT NULL,
  is_shown INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT,
  read_at TEXT,
  saved_at TEXT
);
CREATE INDEX notification_by_user ON notification (user_ref, created_at);
CREATE INDEX notification_unread ON notification (user_ref) WHERE read_at IS NULL AND is_shown = 1;
CREATE INDEX notification_by_age ON notification (created_at);

-- What one reader did with a broadcast; is_hidden for those whom it was not meant for.
CREATE TABLE notification_state (
  notification_id TEXT NOT NULL REFERENCES notification (id) ON DELETE CASCADE,
  user_ref TEXT NOT NULL,
  read_at TEXT,
  saved_at TEXT,
  is_hidden INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (notification_id, user_ref)
);

-- What a reader wants by which channel; topic '' is for all that an origin sends.
CREATE TABLE notification_choice (
  user_ref TEXT NOT NULL,
  channel TEXT NOT NULL,
  origin TEXT NOT NULL,
  topic TEXT NOT NULL,
  enabled INTEGER NOT NULL,
  PRIMARY KEY (user_ref, channel, origin, topic)
);

-- When a reader wants mail and webhooks: JSON of domain.Preferences.
CREATE TABLE notification_preference (
  user_ref TEXT PRIMARY KEY,
  preferences TEXT NOT NULL,
  updated_at TEXT NOT NULL
);

-- An address of a user or group that messages to them are posted to. The address itself may be a secret.
CREATE TABLE notification_webhook (
  id TEXT PRIMARY KEY,
  owner_ref TEXT NOT NULL,
  title TEXT NOT NULL,
  url TEXT NOT NULL,
  format TEXT NOT NULL,
  secret TEXT NOT NULL,
  min_severity INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  created_by TEXT NOT NULL
);
CREATE INDEX notification_webhook_by_owner ON notification_webhook (owner_ref);

-- One message on its way through a channel. revision tells a message that was replaced from the one before it; target is a user
-- (Email) or a webhook. waiting -> sending -> sent or failed; what is found in sending was cut off, and is not sent again.
CREATE TABLE notification_delivery (
  id TEXT PRIMARY KEY,
  notification_id TEXT NOT NULL,
  revision TEXT NOT NULL,
  channel TEXT NOT NULL,
  target TEXT NOT NULL,
  user_ref TEXT NOT NULL,
  payload TEXT NOT NULL,
  state TEXT NOT NULL,
  due_at TEXT NOT NULL,
  created_at TEXT NOT NULL,
  ended_at TEXT,
  error TEXT
);
CREATE UNIQUE INDEX notification_delivery_once ON notification_delivery (notification_id, revision, channel, target);
CREATE INDEX notification_delivery_due ON notification_delivery (channel, target, due_at) WHERE state = 'waiting';
CREATE INDEX notification_delivery_by_age ON notification_delivery (created_at);

-- Signs the links in mails that turn mails off.
CREATE TABLE notification_key (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL
);
