"""Settings of the scaffolder, read once. Names are Backstage's where the thing is the same."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Mapping

from callboard.kernel.settings import Setting, Settings
from callboard.kernel.workspace import WorkspaceLimits
from callboard.model.urls import DEFAULT_HOSTS, HostKind, Hosts

MIB = 1024 * 1024

SETTINGS: tuple[Setting, ...] = (
    Setting("scaffolder.defaultAuthor.name", "text", "Scaffolder", None, "Author of commits that steps make."),
    Setting("scaffolder.defaultAuthor.email", "text", "scaffolder@backstage.io", None, "Address of that author."),
    Setting("scaffolder.defaultCommitMessage", "text", "initial commit", None, "Message of the first commit of a repository."),
    Setting("scaffolder.defaultCommitSigningKey", "secret", None, None, "Armored OpenPGP private key, without passphrase, that signs commits where a step says signCommit and the host has no key of its own."),
    Setting("scaffolder.concurrentTasksLimit", "number", 10, "tasks", "Tasks that one replica runs at once; 0 for none here."),
    Setting("scaffolder.taskRecovery.enabled", "flag", True, None, "Go on after the last finished step when the replica that ran a task is gone."),
    Setting("scaffolder.taskRecovery.staleTimeout", "duration", "30s", None, "After that long without a sign of life another replica takes a task over."),
    Setting("scaffolder.taskTimeout", "duration", "24h", None, "A task that runs, or is not heard of, for longer has failed."),
    Setting("scaffolder.taskTimeoutJanitorFrequency", "duration", "5m", None, "How often to look for tasks that are not heard of, and for those to forget."),
    Setting("scaffolder.taskRetention", "duration", "365d", None, "How long tasks are kept after their end; false for ever."),
    Setting("scaffolder.workspace.keepFailed", "duration", "7d", None, "How long the files of a failed task are kept, for another try from the step that failed; after that it starts over."),
    Setting("scaffolder.defaultEnvironment.parameters", "object", {}, None, "Values that templates see as environment.parameters."),
    Setting("scaffolder.defaultEnvironment.secrets", "object", {}, None, "Secrets that the inputs of steps see as environment.secrets."),
    Setting("scaffolder.auditor.taskParameterMaxLength", "number", 256, "characters", "Longer answers are cut in the audit log."),
    Setting("scaffolder.auditor.reads", "flag", True, None, "Have reads over REST in the audit log: tasks, their events, forms, actions; the same one at most once a minute."),
    Setting("scaffolder.metrics.templates", "flag", False, None, "Count tasks by template. /metrics is open to all, so the names of all templates that run are."),
    Setting("scaffolder.requireScmUserCredentials", "flag", False, None, "Steps that publish need a token of the user; the portal's own credentials are not used."),
    Setting("scaffolder.secrets.key", "secret", None, None, "Passphrase that secrets of tasks are encrypted with, alike for all replicas; without it a key is made and kept."),
    Setting("scaffolder.workspace.maxBytes", "number", 512 * MIB, "bytes", "What one task may keep in its workspace."),
    Setting("scaffolder.workspace.maxFileBytes", "number", 100 * MIB, "bytes", "Size of one file in a workspace."),
    Setting("scaffolder.workspace.maxFiles", "number", 50_000, "files", "Files and folders in one workspace."),
    Setting("backend.workingDirectory", "text", None, None, "Folder for the workspaces of tasks; below the data folder by default."),
)  # fmt: skip


@dataclass(frozen=True)
class ScaffolderSettings:
    """What the parts of the scaffolder are built from. ``environment`` is ``{"parameters", "secrets"}``."""

    author_name: str
    author_email: str
    commit_message: str
    concurrent_tasks: int
    recovers: bool
    stale_after: timedelta
    task_timeout: timedelta
    janitor_every: timedelta
    retention: timedelta | None
    keeps_failed: timedelta
    environment: Mapping[str, Mapping[str, Any]]
    audited_characters: int
    audits_reads: bool
    counts_templates: bool
    requires_user_credentials: bool
    secrets_key: str | None
    limits: WorkspaceLimits
    working_directory: str | None
    hosts: Hosts

    @classmethod
    def of(cls, settings: Settings) -> ScaffolderSettings:
        """Raises ``SettingsError`` with the key at fault."""
        limit = settings.get_int("scaffolder.concurrentTasksLimit", 10)
        if limit < 0:
            raise settings.error("scaffolder.concurrentTasksLimit", "must not be negative.")
        keeps = settings.get("scaffolder.taskRetention", "365d")
        return cls(
            author_name=settings.get_str("scaffolder.defaultAuthor.name", "Scaffolder"),
            author_email=settings.get_str("scaffolder.defaultAuthor.email", "scaffolder@backstage.io"),
            commit_message=settings.get_str("scaffolder.defaultCommitMessage", "initial commit"),
            concurrent_tasks=limit,
            recovers=settings.get_bool("scaffolder.taskRecovery.enabled", True),
            stale_after=_at_least(settings, "scaffolder.taskRecovery.staleTimeout", "30s"),
            task_timeout=_at_least(settings, "scaffolder.taskTimeout", "24h"),
            janitor_every=_at_least(settings, "scaffolder.taskTimeoutJanitorFrequency", "5m"),
            retention=None if keeps is False else settings.get_duration("scaffolder.taskRetention", "365d"),
            keeps_failed=settings.get_duration("scaffolder.workspace.keepFailed", "7d"),
            environment={
                "parameters": settings.get("scaffolder.defaultEnvironment.parameters", {}) or {},
                "secrets": settings.get("scaffolder.defaultEnvironment.secrets", {}) or {},
            },
            audited_characters=settings.get_int("scaffolder.auditor.taskParameterMaxLength", 256),
            audits_reads=settings.get_bool("scaffolder.auditor.reads", True),
            counts_templates=settings.get_bool("scaffolder.metrics.templates", False),
            requires_user_credentials=settings.get_bool("scaffolder.requireScmUserCredentials", False),
            secrets_key=settings.get_str("scaffolder.secrets.key", None) or None,
            limits=WorkspaceLimits(
                total_bytes=settings.get_int("scaffolder.workspace.maxBytes", 512 * MIB),
                file_bytes=settings.get_int("scaffolder.workspace.maxFileBytes", 100 * MIB),
                entries=settings.get_int("scaffolder.workspace.maxFiles", 50_000),
            ),
            working_directory=settings.get_str("backend.workingDirectory", None) or None,
            hosts=_hosts(settings),
        )


def _at_least(settings: Settings, key: str, default: str) -> timedelta:
    found: timedelta = settings.get_duration(key, default)
    if found < timedelta(seconds=1):
        raise settings.error(key, "must be at least a second.")
    return found


_KINDS: tuple[HostKind, ...] = ("github", "gitlab", "bitbucketCloud", "bitbucketServer", "azure", "gitea", "gerrit")


def workspaces_folder(data_dir: Path, working_directory: str | None) -> Path:
    """Where the workspaces of tasks lie. ``working_directory`` may be shared with other portals: ours lie in a folder of their own there."""
    if working_directory is None:
        return data_dir / "scaffolder" / "workspaces"
    mark = hashlib.sha256(str(data_dir.absolute()).encode()).hexdigest()[:12]
    return Path(working_directory).absolute() / f"callboard-{mark}"


def _hosts(settings: Settings) -> Hosts:
    """Hosts that ``integrations`` names, beside those that everybody knows."""
    hosts: dict[str, HostKind] = dict(DEFAULT_HOSTS)
    for kind in _KINDS:
        for row in settings.sections(f"integrations.{kind}"):
            host = row.get_str("host", None)
            if host:
                hosts[str(host).lower()] = kind
    return hosts
