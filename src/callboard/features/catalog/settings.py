"""Settings of the catalog, read once. Names are Backstage's where the thing is the same."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal, Sequence, get_args

from callboard.features.catalog.interface.reasons import Reach
from callboard.features.catalog.processing.rules import RuleError, Rules
from callboard.kernel.errors import InputError
from callboard.kernel.settings import Setting, Settings
from callboard.model.documents import Limits
from callboard.model.refs import LocationRef
from callboard.model.urls import DEFAULT_HOSTS, HostKind, Hosts

SETTINGS: tuple[Setting, ...] = (
    Setting("catalog.locations", "list", [], help="Locations to load: each with type (file or url), target, and rules if wanted."),
    Setting("catalog.locations[].type", "text", help="file or url."),
    Setting("catalog.locations[].target", "text", help="Path (relative to the working directory) or URL; * matches many files."),
    Setting("catalog.locations[].rules", "list", help="Kinds allowed from this location beside catalog.rules: [{allow: [Kind]}]."),
    Setting("catalog.rules", "list", help="Kinds that may come in; without it Component, API and Location (any kind when there is no settings file)."),
    Setting("catalog.readonly", "flag", False, help="Refuse to register or remove locations and entities through the API."),
    Setting("catalog.orphanStrategy", "text", "delete", help="delete or keep entities that no source gives any more."),
    Setting("catalog.orphanProviderStrategy", "text", "delete", help="delete or keep what a provider gave that is not installed any more."),
    Setting("catalog.defaultLocationConflictStrategy", "text", "reject", help="reject or refresh a location that is registered already."),
    Setting("catalog.processingInterval", "duration", "2m", help="How often every location is looked at again, as a safety net; false for never."),
    Setting("catalog.fileRoots", "list", [], help="Directories that Location entities on disk may lead to."),
    Setting("catalog.maxFileSizeBytes", "number", 10 * 1024 * 1024, "bytes", "Larger descriptor files are refused."),
    Setting("catalog.limits.maxDepth", "number", 100, "levels", "Documents nested deeper are refused."),
    Setting("catalog.limits.maxNodes", "number", 500_000, "values", "Documents with more values, aliases written out, are refused."),
    Setting("catalog.model.layers", "list", [], help="Optional layers of kinds that come with Callboard: ai-resource, mcp-server."),
    Setting("catalog.model.files", "list", [], help="Files (YAML, * allowed) with kinds of your own, relative to the working directory."),
    Setting("catalog.model.kinds", "list", [], help="Kinds of your own, written right here."),
    Setting("catalog.index.bodyBytes", "number", 40 * 2**20, "bytes", "Entities kept in memory as they are sent."),
    Setting("catalog.watchFiles", "flag", True, help="Notice changes of files on disk within a second."),
    Setting(
        "catalog.ownership.reach", "text", "parents", None,
        "Which groups' entities count as somebody's own, also for permissions: own (groups they are in), parents (and those above them), parents-and-children (and those below).",
    ),
    Setting("catalog.providerOptions", "object", help="Per provider: disabled."),
)  # fmt: skip

_HOST_KINDS: dict[str, HostKind] = {
    "github": "github", "gitlab": "gitlab", "bitbucketCloud": "bitbucketCloud", "bitbucketServer": "bitbucketServer",
    "azure": "azure", "gitea": "gitea", "gerrit": "gerrit",
}  # fmt: skip


@dataclass(frozen=True)
class CatalogSettings:
    """What the catalog's parts are built from."""

    locations: Sequence[LocationRef]
    rules: Rules
    hosts: Hosts
    limits: Limits
    is_readonly: bool
    keep_orphans: bool
    keep_orphaned_providers: bool
    default_conflict: Literal["refresh", "reject"]
    sweep_every: timedelta | None
    body_bytes: int
    watch_files: bool
    disabled_providers: frozenset[str]
    reach: Reach

    @classmethod
    def of(cls, settings: Settings, working_dir: Path) -> CatalogSettings:
        """Raises ``SettingsError`` or ``InputError`` with the key at fault."""
        locations: list[LocationRef] = []
        given = settings.get("catalog.locations", []) or []
        if not isinstance(given, list):
            raise settings.error("catalog.locations", "must be a list of {type, target}.")
        for index, row in enumerate(given):
            if not isinstance(row, dict) or not row.get("target"):
                raise settings.error(("catalog", "locations", index), "needs a type (file or url) and a target.")
            kind, target = str(row.get("type") or "url"), str(row["target"])
            if kind == "file":
                target = os.path.normpath(working_dir / target)
            locations.append(LocationRef(kind, target))
        try:
            rules = Rules.of(
                settings.get("catalog.rules"), [r for r in given if isinstance(r, dict)],
                has_settings_file=settings.has_file, folder=str(working_dir),
            )  # fmt: skip
        except RuleError as error:
            raise InputError(str(error), field="catalog.rules") from error
        interval = settings.get("catalog.processingInterval", "2m")
        options = settings.get("catalog.providerOptions", {}) or {}
        return cls(
            locations=locations,
            rules=rules,
            hosts=_hosts(settings),
            limits=Limits(
                max_bytes=settings.get_int("catalog.maxFileSizeBytes", 10 * 1024 * 1024),
                max_depth=settings.get_int("catalog.limits.maxDepth", 100),
                max_nodes=settings.get_int("catalog.limits.maxNodes", 500_000),
            ),
            is_readonly=settings.get_bool("catalog.readonly", False),
            keep_orphans=settings.get_str("catalog.orphanStrategy", "delete") == "keep",
            keep_orphaned_providers=settings.get_str("catalog.orphanProviderStrategy", "delete") == "keep",
            default_conflict=(
                "refresh"
                if settings.get_str("catalog.defaultLocationConflictStrategy", "reject") == "refresh"
                else "reject"
            ),
            sweep_every=None if interval is False else settings.get_duration("catalog.processingInterval", "2m"),
            body_bytes=settings.get_int("catalog.index.bodyBytes", 40 * 2**20),
            watch_files=settings.get_bool("catalog.watchFiles", True),
            disabled_providers=frozenset(
                name for name, option in options.items() if isinstance(option, dict) and option.get("disabled")
            ),
            reach=_reach(settings),
        )


def _reach(settings: Settings) -> Reach:
    given = settings.get_str("catalog.ownership.reach", "parents")
    for reach in get_args(Reach):
        if reach == given:
            found: Reach = reach
            return found
    raise settings.error("catalog.ownership.reach", f"must be one of {', '.join(get_args(Reach))}, not {given!r}.")


def _hosts(settings: Settings) -> Hosts:
    hosts: dict[str, HostKind] = dict(DEFAULT_HOSTS)
    for name, kind in _HOST_KINDS.items():
        for row in settings.get(f"integrations.{name}", []) or []:
            if isinstance(row, dict) and row.get("host"):
                hosts[str(row["host"])] = kind
    return hosts
