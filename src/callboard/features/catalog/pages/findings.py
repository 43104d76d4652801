"""Findings in words for people: the cause without the machinery that found it, the place, the way out.

The engine keeps the messages that Backstage's clients expect ("Policy check failed for …; caused by Error: …"). Here they
lose what only says which part of the machine spoke; the whole text stays one press away.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Callable, Final, Mapping

from callboard.features.catalog.interface import Finding
from callboard.features.catalog.pages.links import bare_location, link_to, safe_href, short_file, why_href
from callboard.model.refs import EntityRef, RefError
from callboard.ui.messages import Translator
from callboard.ui.moments import Moment, moment
from callboard.ui.parts import EntityLink, Status

MAX_MESSAGE: Final = 400
_MACHINERY = re.compile(
    r"(?:Policy check failed for|Processor \w+ threw an error while).*?; caused by \w+: ", re.DOTALL
)
_ENVELOPE = re.compile(r"Malformed envelope, (?=[/<])")
_TAIL = re.compile(r"\.? To learn more about .*", re.DOTALL)
_UNREADABLE = re.compile(r"(?:url|file):\S+ could not be read: (?P<why>.+)", re.DOTALL)
_NOT_ALLOWED = re.compile(r"Entity (?P<ref>.+?) at \S+, originated at \S+, is not of an allowed kind for that location")
_NOT_VALID = re.compile(
    r'"(?P<field>[^"]+)" is not valid; expected (?P<expected>.+?) but found (?P<found>.+?)\.?', re.DOTALL
)
_SCHEMA = re.compile(r"(?P<path><root>|/\S*) (?P<rule>must .+?)(?: - \w+: .*)?", re.DOTALL)
_REQUIRED = re.compile(r"must have required property '(?P<name>.+)'")
_TYPE = re.compile(r"must be (?P<type>string|object|array|number|integer|boolean|null)")
_PLACEHOLDER = re.compile(
    r"Placeholder (?P<name>\$\w+) could not read location (?P<place>\S+?),(?: \w*Error:)? (?P<why>.+)", re.DOTALL
)
_NAMED = re.compile(r"Named by (?P<by>.+?) as (?:url:|file:)?(?P<place>\S+)")
_ALREADY = re.compile(r"(?P<ref>\S+) is already described by (?P<place>\S+?); this document is left out\.?")
_ALSO = re.compile(r"(?P<place>\S+) also describes (?P<ref>\S+?); (?P<first>\S+) was first and stands\.?")


@dataclass(frozen=True, slots=True)
class FindingView:
    """A finding. ``message`` is short; ``full`` is the whole text where it says more, else None.

    ``place`` is ``file:line:column`` as far as known, with the file cut to its end; ``file`` is whole. ``cause`` is a word
    for the stage.
    """

    status: Status
    cause: str
    message: str
    full: str | None
    place: str | None
    file: str | None
    file_href: str | None
    field: str | None
    fix: str | None
    since: Moment | None
    entity: EntityLink | None
    why_href: str | None


def _dotted(path: str, *more: str) -> str:
    parts = [] if path == "<root>" else [p for p in path.split("/") if p]
    return ".".join([*parts, *more])


def _schema(match: re.Match[str], t: Translator) -> str | None:
    rule = match["rule"].strip()
    if required := _REQUIRED.fullmatch(rule):
        return t("catalog.said.missing", field=_dotted(match["path"], required["name"]))
    field = _dotted(match["path"])
    if not field:
        return None
    if kind := _TYPE.fullmatch(rule):
        return t("catalog.said.type", field=field, type=kind["type"])
    if re.fullmatch(r"must NOT have fewer than 1 \w+", rule):
        return t("catalog.said.empty", field=field)
    return f"{field} {rule}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:] if not text.startswith(("http://", "https://")) else text


def _named(match: re.Match[str], t: Translator) -> str:
    """Locations that nobody wrote stand for a line of the settings or for a registration."""
    if match["by"].startswith("location:default/generated-"):
        return t("catalog.said.named_directly")
    return t("catalog.said.named_by", by=match["by"], place=match["place"])


_RULES: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str], Translator], str | None]], ...]] = (
    (_UNREADABLE, lambda m, t: _capital(m["why"])),
    (_NOT_ALLOWED, lambda m, t: t("catalog.said.kind", kind=_kind_of(m["ref"]))),
    (_NOT_VALID, lambda m, t: t("catalog.said.invalid", field=m["field"], found=m["found"], expected=m["expected"])),
    (_PLACEHOLDER, lambda m, t: t("catalog.said.placeholder", name=m["name"], place=m["place"], why=m["why"])),
    (_ALREADY, lambda m, t: t("catalog.said.already", ref=m["ref"], place=short_file(m["place"]))),
    (
        _ALSO,
        lambda m, t: t("catalog.said.also", ref=m["ref"], place=short_file(m["place"]), first=short_file(m["first"])),
    ),
    (_NAMED, _named),
    (_SCHEMA, _schema),
)


def _kind_of(ref: str) -> str:
    try:
        return EntityRef.parse(ref).kind
    except RefError:
        return ref


def shorten(message: str, t: Translator) -> str:
    """``message`` in as few words as say what is wrong; at most 400 characters."""
    text = _TAIL.sub("", _ENVELOPE.sub("", _MACHINERY.sub("", message.strip(), count=1))).strip()
    for pattern, say in _RULES:
        match = pattern.fullmatch(text)
        said = say(match, t) if match else None
        if said is not None:
            text = said
            break
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1].rstrip() + "…"


def cause_title(stage: str, t: Translator) -> str:
    """The stage that found it, said as what is wrong."""
    return t(f"catalog.cause.{stage}") if t.has(f"catalog.cause.{stage}") else stage


def finding_view(
    finding: Finding,
    now: datetime | None,
    t: Translator,
    entity: EntityLink | None = None,
    *,
    in_file: str | None = None,
) -> FindingView:
    """``in_file``: the file under whose heading it stands, which its place then need not repeat."""
    place = None
    file = bare_location(finding.file) if finding.file else None
    if file:
        if file == in_file:
            place = t("catalog.problem.line", line=str(finding.line)) if finding.line else None
        elif in_file and finding.stage == "read":  # the message names the target that cannot be read
            place = short_file(file) if safe_href(file) else None
        else:
            name = file.rstrip("/").rsplit("/", 1)[-1] or file
            place = ":".join(str(p) for p in (name, finding.line, finding.column) if p)
    href = safe_href(file)
    if href and finding.line and "#" not in href:
        href += f"#L{finding.line}"
    message = shorten(finding.message, t)
    asked = finding.entity_ref if in_file else finding.file or finding.entity_ref
    return FindingView(
        status="bad" if finding.severity == "error" else "warn",
        cause=cause_title(finding.stage, t),
        message=message,
        full=finding.message if finding.message.strip() != message else None,
        place=place,
        file=file,
        file_href=href,
        field=finding.field,
        fix=finding.fix,
        since=moment(finding.since, now) if finding.since and now else None,
        entity=entity,
        why_href=why_href(asked) if asked else None,
    )


def entity_of(finding: Finding, known: Mapping[str, Any]) -> EntityLink | None:
    """A link to the entity that a finding names; one that never came into being leads to the page that says why."""
    if not finding.entity_ref:
        return None
    ref = finding.entity_ref.lower()
    return link_to(ref, known.get(ref), known=ref in known)
