"""Decisions of set-up as plain functions: what was typed made clean, and the settings file that follows from it."""

from __future__ import annotations

import base64
import re
from dataclasses import asdict, fields, replace
from typing import Any, Mapping, Sequence

from callboard.features.setup.existing import Existing
from callboard.features.setup.interface import SOURCES, Draft, Fault, Source
from callboard.features.setup.yaml_text import block, literal, scalar
from callboard.kernel.errors import InputError
from callboard.ui.look.colours import parse_colour
from callboard.ui.look.logos import Logo, read_logo

MAX_NAME = 80
MAX_PATH = 1000
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,100}")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,250}[A-Za-z0-9])?(:[0-9]{1,5})?")
_GITHUB_OWNER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,98}[A-Za-z0-9])?")
_GITLAB_GROUP = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,254}")
_TOKEN = re.compile(r"(gh[opusr]_|github_pat_|glpat-)", re.IGNORECASE)
KINDS = ("Component", "API", "Resource", "System", "Domain", "Group", "User", "Template", "Location")


def clean(text: str, longest: int) -> str:
    """On one line, without blanks at its ends."""
    return _CONTROL.sub(" ", text).strip()[:longest].strip()


def read_look(form: Mapping[str, str], before: Draft) -> Draft:
    """``before`` with the name of the organisation and of the portal as typed, the colour as chosen, the logo gone if so chosen.

    A colour that is none is kept as typed, for ``look_faults`` to tell.
    """
    organization = clean(form.get("organization", ""), MAX_NAME)
    chosen = form.get("accent", before.accent)
    typed = clean(form.get("own_accent", "") if chosen == "own" else chosen, 20)
    return replace(
        before,
        organization=organization,
        title=clean(form.get("title", ""), MAX_NAME),
        accent=parse_colour(typed) or typed,
        logo="" if form.get("no_logo") else before.logo,
    )


def look_faults(draft: Draft) -> list[Fault]:
    faults = [] if draft.organization else [Fault("organization", "setup.fault.organization")]
    if draft.accent and parse_colour(draft.accent) is None:
        faults.append(Fault("own_accent", "setup.fault.colour"))
    return faults


def with_logo(draft: Draft, logo: Logo) -> Draft:
    return replace(draft, logo=base64.b64encode(logo.content).decode())


def logo_of(draft: Draft) -> Logo | None:
    """The logo of a draft; None for none."""
    try:
        return read_logo(base64.b64decode(draft.logo)) if draft.logo else None
    except (InputError, ValueError):  # of an older version, which took what this one does not
        return None


def read_source(form: Mapping[str, str], before: Draft) -> Draft:
    """``before`` with where the software lives as typed; an unknown kind of place leaves it as it was."""
    source: Source = next((one for one in SOURCES if one == form.get("source")), before.source)
    typed = {
        name: clean(form[name], MAX_PATH if name.endswith("_path") else 255)
        for name in (field.name for field in fields(Draft))
        if "_" in name and name in form
    }
    return replace(before, source=source, **typed)


def source_faults(draft: Draft) -> list[Fault]:
    """What can be seen to be wrong without asking anybody."""
    match draft.source:
        case "folder" if not draft.folder_path:
            return [Fault("folder_path", "setup.fault.path")]
        case "backstage" if not draft.backstage_path:
            return [Fault("backstage_path", "setup.fault.path")]
        case "github":
            owner = _GITHUB_OWNER.fullmatch(draft.github_owner) is not None
            return _host_faults("github", draft.github_host, owner, draft.github_token)
        case "gitlab":
            parts = draft.gitlab_owner.split("/")
            owner = _GITLAB_GROUP.fullmatch(draft.gitlab_owner) is not None and not {"", ".", ".."} & set(parts)
            return _host_faults("gitlab", draft.gitlab_host, owner, draft.gitlab_token)
    return []


def _host_faults(kind: str, host: str, is_owner: bool, variable: str) -> list[Fault]:
    faults = []
    if not is_owner:
        faults.append(Fault(f"{kind}_owner", f"setup.fault.{kind}_owner"))
    if not _HOST.fullmatch(host) or ".." in host:
        faults.append(Fault(f"{kind}_host", "setup.fault.host"))
    if _TOKEN.match(variable):
        faults.append(Fault(f"{kind}_token", "setup.fault.token_itself"))
    elif variable and not _VARIABLE.fullmatch(variable):
        faults.append(Fault(f"{kind}_token", "setup.fault.variable"))
    return faults


def without_tokens(draft: Draft) -> Draft:
    """``draft`` as it may be kept: where somebody typed a token in place of the name of a variable, the default name."""
    kept = Draft()
    for name in ("github_token", "gitlab_token"):
        if not (value := getattr(draft, name)) or (_VARIABLE.fullmatch(value) and not _TOKEN.match(value)):
            kept = replace(kept, **{name: value})
    return replace(draft, github_token=kept.github_token, gitlab_token=kept.gitlab_token)


def variables_of(draft: Draft) -> Sequence[str]:
    """Environment variables that the settings of this draft name by themselves."""
    named = {"github": draft.github_token, "gitlab": draft.gitlab_token}.get(draft.source, "")
    return (named,) if named else ()


def draft_of(values: Mapping[str, Any]) -> Draft:
    """A draft as stored; keys that are unknown now are passed over."""
    known = {field.name for field in fields(Draft)}
    kept: dict[str, Any] = {name: value for name, value in values.items() if name in known and isinstance(value, str)}
    draft = Draft(**kept)
    return draft if draft.source in SOURCES else replace(draft, source="spreadsheet")


def draft_values(draft: Draft) -> dict[str, str]:
    return asdict(draft)


def format_settings(
    draft: Draft,
    *,
    base_url: str,
    host: str,
    port: int,
    target: str = "",
    existing: Existing | None = None,
    logo: str = "",
    folder: str = "",
) -> str:
    """The text of ``app-config.yaml``.

    Args:
        base_url, host, port: Where the portal is now, so that it is found there again.
        target: The absolute path or glob of a folder.
        folder: Absolute path of a folder that may be looked at for proposals; empty for none.
        logo: The name of the logo's file, beside the settings; empty for none.
        existing: What was taken over from a Backstage's settings.
    """
    lines = [
        "# Settings of this portal, written by its set-up page. They are read when the portal starts.",
        "# Keep this file under version control. It holds no secrets: ${NAME} takes the value of the",
        "# environment variable NAME.",
        "",
        "app:",
        f"  title: {scalar(literal(draft.title or draft.organization))} # above every page",
        f"  baseUrl: {scalar(base_url)} # what people type to get here",
        *_branding(draft.accent, logo),
        "",
        "organization:",
        f"  name: {scalar(literal(draft.organization))}",
        "",
        "backend:",
        f"  baseUrl: {scalar(base_url)}",
        "  listen:",
        f"    host: {scalar(host)} # 127.0.0.1: this machine alone; 0.0.0.0: whoever can reach it",
        f"    port: {port}",
        "  # Without this the portal keeps its data in a SQLite file in its data folder.",
        "  # database:",
        "  #   client: pg",
        "  #   connection: ${DATABASE_URL}",
        "",
    ]
    own = _Parts.of(draft, target, existing)
    if own.integrations:
        lines += ["# Hosts of source code, and how to get in.", *block({"integrations": own.integrations}), ""]
    lines += ["# What may come into the catalog, and from where.", *block({"catalog": own.catalog})]
    if "locations" not in own.catalog:
        lines += [
            "  # Further places, for example:",
            "  # locations:",
            "  #   - type: file",
            "  #     target: ./catalog-info.yaml",
        ]
    if folder:
        lines += [
            "",
            "# Folders in which the portal may look for software that has no catalog-info.yaml.",
            *block({"proposals": {"folders": [literal(folder)]}}),
        ]
    lines += [
        "",
        "# People sign in with a name and a password: `callboard user add ada` adds somebody.",
        "# With `guest: {}` below `local`, whoever is on this machine may look around without.",
        "auth:",
        "  providers:",
        "    local: {}",
        "",
    ]
    return "\n".join(lines)


def _branding(accent: str, logo: str) -> list[str]:
    lines = ["  branding:"] if accent or logo else []
    if accent:
        lines.append(f"    accent: {scalar(accent)} # of links and buttons")
    if logo:
        lines.append(f"    logo: {scalar(logo)} # SVG or PNG, beside this file")
    return lines


class _Parts:
    """The two parts of the settings that depend on the source."""

    def __init__(self, catalog: dict[str, Any], integrations: dict[str, Any]) -> None:
        self.catalog = {"rules": [{"allow": list(KINDS)}], **catalog}
        self.integrations = integrations

    @classmethod
    def of(cls, draft: Draft, target: str, existing: Existing | None) -> _Parts:
        if draft.source == "folder":
            return cls({"locations": [{"type": "file", "target": literal(target)}]}, {})
        if draft.source == "backstage" and existing is not None:
            return cls(existing.catalog, existing.integrations)
        if draft.source == "github":
            return cls(*_github(draft))
        if draft.source == "gitlab":
            return cls(*_gitlab(draft))
        return cls({}, {})


def _entry(host: str, variable: str) -> dict[str, Any]:
    return {"host": host, **({"token": f"${{{variable}}}"} if variable else {})}


_SCHEDULE = {"frequency": {"minutes": 30}, "timeout": {"minutes": 10}}


def _github(draft: Draft) -> tuple[dict[str, Any], dict[str, Any]]:
    host = draft.github_host.lower()
    repositories = {"organization": draft.github_owner, "host": host, "catalogPath": "/catalog-info.yaml"}
    providers: dict[str, Any] = {"github": {"main": {**repositories, "schedule": _SCHEDULE}}}
    if draft.github_token:  # teams and people are told to members alone
        people = {"githubUrl": f"https://{host}", "orgs": [draft.github_owner], "schedule": _SCHEDULE}
        providers["githubOrg"] = {"main": people}
    return {"providers": providers}, {"github": [_entry(host, draft.github_token)]}


def _gitlab(draft: Draft) -> tuple[dict[str, Any], dict[str, Any]]:
    host = draft.gitlab_host.lower()
    group = {"host": host, "group": draft.gitlab_owner, "orgEnabled": bool(draft.gitlab_token)}
    main = {**group, "schedule": _SCHEDULE}
    return {"providers": {"gitlab": {"main": main}}}, {"gitlab": [_entry(host, draft.gitlab_token)]}
