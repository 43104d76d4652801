-- A step of a task that waits for people. was_told: the step has failed by the answer, and another try asks anew.
CREATE TABLE scaffolder_approval (
  id TEXT PRIMARY KEY,
  task_id TEXT NOT NULL,
  step_id TEXT NOT NULL,
  title TEXT NOT NULL,
  message TEXT NOT NULL,
  template_ref TEXT,
  asked_by TEXT,
  minimum INTEGER NOT NULL,
  allows_starter INTEGER NOT NULL,
  state TEXT NOT NULL,
  created_at TEXT NOT NULL,
  due_at TEXT NOT NULL,
  reminder_s INTEGER,
  remind_at TEXT,
  closed_at TEXT,
  was_told INTEGER NOT NULL
);
CREATE INDEX scaffolder_approval_task ON scaffolder_approval (task_id, created_at);
CREATE INDEX scaffolder_approval_state ON scaffolder_approval (state, created_at);
-- Groups and users who are asked.
CREATE TABLE scaffolder_approval_approver (
  approval_id TEXT NOT NULL,
  ref TEXT NOT NULL,
  PRIMARY KEY (approval_id, ref)
);
CREATE INDEX scaffolder_approval_approver_ref ON scaffolder_approval_approver (ref, approval_id);
CREATE TABLE scaffolder_approval_decision (
  approval_id TEXT NOT NULL,
  decided_by TEXT NOT NULL,
  verdict TEXT NOT NULL,
  reason TEXT NOT NULL,
  decided_at TEXT NOT NULL,
  PRIMARY KEY (approval_id, decided_by)
);
CREATE INDEX scaffolder_approval_decision_by ON scaffolder_approval_decision (decided_by, approval_id);
