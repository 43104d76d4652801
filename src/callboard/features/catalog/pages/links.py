"""Refs and entity documents as links: one way to address, name and mark an entity on every page."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, Iterable, Mapping, Sequence
from urllib.parse import quote, urlencode, urlsplit

from callboard.model.refs import EntityRef, RefError
from callboard.ui.icons import declared_plural, kind_mark, stable_hue
from callboard.ui.messages import Translator
from callboard.ui.parts import EntityLink

MAX_TITLE = 120
_PLAIN = re.compile(r"[a-z0-9._~-]+/[a-z0-9._~-]+/[a-z0-9._~-]+").fullmatch
"""What stands in a path as it is: nearly every ref, and pages have thousands."""


def entity_href(ref: EntityRef | str, tab: str | None = None) -> str:
    """The page of an entity: ``/catalog/<namespace>/<kind>/<name>[/<tab>]``, all in lower case."""
    if isinstance(ref, str):
        ref = EntityRef.parse(ref)
    kind, namespace, name = ref
    path = f"{namespace}/{kind}/{name}".lower()
    if not _PLAIN(path):
        path = "/".join(quote(part.lower(), safe="") for part in (namespace, kind, name))
    return f"/catalog/{path}/{tab}" if tab else f"/catalog/{path}"


def why_href(asked: str) -> str:
    return "/catalog/why?" + urlencode({"asked": asked})


def short_ref(ref: EntityRef) -> str:
    """``name`` in the default namespace, else ``namespace/name``."""
    return ref.name if ref.namespace.lower() == "default" else f"{ref.namespace}/{ref.name}"


def bare_location(location: str) -> str:
    """A location ref without its type: the path or URL that people know."""
    return location.partition(":")[2] if location.startswith(("url:", "file:")) else location


def short_file(location: str) -> str:
    """The end of a path, or repository and file of a URL: enough to know it again."""
    bare = bare_location(location)
    if not bare.startswith(("http://", "https://")):
        parts = [part for part in bare.split("/") if part]
        return "…/" + "/".join(parts[-2:]) if len(parts) > 2 else bare
    split = urlsplit(bare)
    parts = [part for part in split.path.split("/") if part]
    for marker in ("blob", "tree", "raw"):
        if marker in parts[2:]:
            at = parts.index(marker, 2)
            repository = "/".join(part for part in parts[:at] if part != "-")
            return f"{repository}: {'/'.join(parts[at + 2 :])}"
    return "/".join([split.netloc, *(["…"] if len(parts) > 2 else []), *parts[-2:]])


def display_title(entity: Mapping[str, Any]) -> str:
    """``metadata.title``, a person's display name, or the name; of a Location that nobody named, its target."""
    metadata = entity.get("metadata") or {}
    spec = entity.get("spec")
    profile = spec.get("profile") if isinstance(spec, dict) else None
    name = profile.get("displayName") if isinstance(profile, dict) else None
    for text in (metadata.get("title"), name):
        if isinstance(text, str) and text.strip():
            return text.strip()[:MAX_TITLE]
    name = str(metadata.get("name", ""))
    if name.startswith("generated-") and isinstance(spec, dict) and isinstance(spec.get("target"), str):
        return short_file(spec["target"])[:MAX_TITLE]
    return name


def link_to(ref: str, entity: Mapping[str, Any] | None, *, known: bool = True, note: str | None = None) -> EntityLink:
    """A link to ``ref``. ``entity`` is its document; without one it reads as absent, unless ``known`` is False (not looked up)."""
    try:
        parsed = EntityRef.of(entity) if entity is not None else EntityRef.parse(ref)
    except (RefError, KeyError):
        parsed = EntityRef("unknown", "default", ref)
    mark = kind_mark(parsed.kind)
    absent = entity is None and known
    return EntityLink(
        ref=str(parsed),
        href=why_href(ref) if absent else entity_href(parsed),
        title=display_title(entity) if entity is not None else short_ref(parsed),
        short=short_ref(parsed),
        kind=parsed.kind.lower(),
        icon=mark.icon,
        hue=stable_hue(str(parsed)) if parsed.kind.lower() in ("user", "group") else mark.hue,
        absent=absent,
        note=note,
    )


def distinct_titles(refs: Iterable[str], known: Mapping[str, Mapping[str, Any] | None]) -> dict[str, str]:
    """What to call each ref (lower-cased): its title, with the ref where two of them would read alike."""
    titles: dict[str, str] = {}
    for ref in refs:
        entity = known.get(ref)
        try:
            titles[ref] = display_title(entity) if entity else short_ref(EntityRef.parse(ref))
        except RefError:
            titles[ref] = ref
    seen = Counter(title.lower() for title in titles.values())
    return {
        ref: f"{title} ({ref.partition(':')[2]})" if seen[title.lower()] > 1 else title for ref, title in titles.items()
    }


def spec_of(entity: Mapping[str, Any]) -> Mapping[str, Any]:
    """``spec`` where it is a mapping; a kind of one's own may hold anything there."""
    spec = entity.get("spec")
    return spec if isinstance(spec, dict) else {}


_KINDS = ("component", "api", "system", "domain", "resource", "template", "group", "user")


def kind_rank(kind: str) -> int:
    """Where a kind stands in a row of kinds: always at the same place, kinds that we do not know behind the rest."""
    lowered = kind.lower()
    if lowered == "location":  # plumbing
        return len(_KINDS) + 1
    return _KINDS.index(lowered) if lowered in _KINDS else len(_KINDS)


def kind_title(kind: str, t: Translator) -> str:
    """A kind in the plural, as pages head their lists: in our words, as declared, or as written."""
    id = f"catalog.kind.{kind.lower()}"
    if t.has(id):
        return t(id)
    plural = declared_plural(kind) or kind
    return plural[:1].upper() + plural[1:]


def related(entity: Mapping[str, Any], *types: str) -> list[str]:
    """Target refs of the entity's relations of these types (any case), in order, without repeats."""
    wanted = {t.lower() for t in types}
    return list(
        dict.fromkeys(
            str(r["targetRef"]).lower()
            for r in entity.get("relations") or ()
            if str(r.get("type", "")).lower() in wanted
        )
    )


def links_of(refs: Iterable[str], known: Mapping[str, Mapping[str, Any] | None]) -> Sequence[EntityLink]:
    """A link for each ref; a ref that is not a key of ``known`` was not looked up."""
    return tuple(link_to(ref, known.get(ref), known=ref in known) for ref in refs)


def safe_href(url: Any) -> str | None:
    """``url`` if a page may link to it: http, https or mailto; else None."""
    if not isinstance(url, str):
        return None
    url = url.strip()
    return url if url.lower().startswith(("https://", "http://", "mailto:")) else None


def text(value: Any) -> str | None:
    """A scalar as text; None for what is empty or not a scalar."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    return value.strip() or None if isinstance(value, str) else None
