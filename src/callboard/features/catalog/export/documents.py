"""Entities as descriptors, as somebody would have written them: YAML, JSON lines, and a zip of catalog-info.yaml files.

In a zip each entity has a file of its own, ``<kind>/<namespace>/<name>/catalog-info.yaml``; the ``catalog-info.yaml`` beside them
is a Location that names them all, so that unpacking it and registering that one file brings everything back.
"""

from __future__ import annotations

import asyncio
import re
from functools import cache
from typing import Any, AsyncIterable, AsyncIterator, Final, Mapping, Sequence
from urllib.parse import quote
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import orjson

from callboard.features.catalog.interface.overlays import OVERLAY_ANNOTATION
from callboard.features.catalog.processing.annotate import LOCATION, ORIGIN, default_annotations
from callboard.model.refs import DEFAULT_NAMESPACE, EntityRef, LocationRef, RefError
from callboard.model.urls import DEFAULT_HOSTS, Hosts

ORPHAN: Final = "backstage.io/orphan"
FILE: Final = "catalog-info.yaml"
_GENERATED: Final = frozenset((LOCATION, ORIGIN, ORPHAN, OVERLAY_ANNOTATION))
_DEVICES: Final = frozenset(
    ("con", "prn", "aux", "nul", *(f"com{n}" for n in range(1, 10)), *(f"lpt{n}" for n in range(1, 10)))
)
"""Names that no folder may have on Windows."""
_DAY: Final = (1980, 1, 1, 0, 0, 0)
"""Of every file in a zip: the same entities give the same bytes."""

_NUMBER_SINCE_1_2: Final = re.compile(r"[-+]?(0o[0-7]+|(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?)")

Entities = AsyncIterable[Sequence[bytes | Mapping[str, Any]]]
"""Chunks of entities as the catalog serves them, parsed or not."""


def descriptor_of(entity: Mapping[str, Any], hosts: Hosts = DEFAULT_HOSTS) -> dict[str, Any]:
    """What a descriptor file would hold: nothing that the catalog adds by itself.

    Out go relations, status, uid, etag and the annotations that tell where the entity came from; links to its source, too, where
    they say no more than the location did. The default namespace is left to be the default.
    """
    metadata = {k: v for k, v in entity["metadata"].items() if k not in ("uid", "etag")}
    if metadata.get("namespace") == DEFAULT_NAMESPACE:
        del metadata["namespace"]
    annotations = metadata.pop("annotations", None)
    ordered = {"name": metadata.pop("name"), **metadata}
    if isinstance(annotations, dict):
        annotations = _written_by_people(annotations, hosts)
    if annotations:
        ordered["annotations"] = annotations
    out = {"apiVersion": entity["apiVersion"], "kind": entity["kind"], "metadata": ordered}
    known = ("apiVersion", "kind", "metadata", "relations", "status")
    return out | {k: v for k, v in entity.items() if k not in known}


def _written_by_people(annotations: Mapping[str, Any], hosts: Hosts) -> dict[str, Any]:
    defaults: Mapping[str, str] = {}
    if isinstance(location := annotations.get(LOCATION), str):
        try:
            defaults = default_annotations(LocationRef.parse(location), hosts)
        except RefError:
            pass  # none of ours; then nothing was derived from it either
    return {k: v for k, v in annotations.items() if k not in _GENERATED and not (k in defaults and defaults[k] == v)}


def format_descriptor(descriptor: Mapping[str, Any]) -> str:
    """YAML that readers of versions 1.1 and 1.2 take alike, long texts as blocks, with a line feed at its end."""
    import yaml

    return str(yaml.dump(descriptor, Dumper=_dumper(), sort_keys=False, allow_unicode=True, width=120))


@cache
def _dumper() -> Any:
    import yaml  # takes longer to load than a page may

    class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc] # the library's own choice of base
        """Quotes by the rules of YAML 1.1, which this library knows, and what is a number in 1.2 alone."""

    def represent(dumper: Any, text: str) -> Any:
        # some readers take a no-break space at an end for one that may go
        is_odd = _NUMBER_SINCE_1_2.fullmatch(text) is not None or text.strip() != text
        style = "|" if "\n" in text else "'" if is_odd else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    Dumper.add_representer(str, represent)
    return Dumper


async def iter_yaml(entities: Entities, hosts: Hosts = DEFAULT_HOSTS) -> AsyncIterator[bytes]:
    """One stream of YAML documents."""
    async for chunk in entities:
        yield await asyncio.to_thread(_format_all, chunk, hosts)


def _format_all(entities: Sequence[bytes | Mapping[str, Any]], hosts: Hosts) -> bytes:
    texts = (format_descriptor(descriptor_of(_parsed(entity), hosts)) for entity in entities)
    return "".join(f"---\n{text}" for text in texts).encode()


async def iter_json_lines(entities: Entities, hosts: Hosts = DEFAULT_HOSTS) -> AsyncIterator[bytes]:
    """A line of JSON for each entity."""
    async for chunk in entities:
        yield b"".join(orjson.dumps(descriptor_of(_parsed(entity), hosts)) + b"\n" for entity in chunk)


async def iter_zip(entities: Entities, hosts: Hosts = DEFAULT_HOSTS) -> AsyncIterator[bytes]:
    """A zip as it grows. Location entities are counted, not written: what they name is in the zip itself."""
    archive = _Archive(hosts)
    async for chunk in entities:
        await asyncio.to_thread(archive.add, chunk)
        if part := archive.taken():
            yield part
    yield archive.finished()


class _Archive:
    """A zip written into memory and handed on piece by piece."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts
        self._out = _Outlet()
        self._zip = ZipFile(self._out, "w", ZIP_DEFLATED)
        self._locations = 0

    def add(self, entities: Sequence[bytes | Mapping[str, Any]]) -> None:
        for entity in entities:
            document = _parsed(entity)
            if document["kind"].lower() == "location":
                self._locations += 1
                continue
            self._write(path_of(EntityRef.of(document)), format_descriptor(descriptor_of(document, self._hosts)))

    def taken(self) -> bytes:
        """What has been written since this was last asked for."""
        return self._out.take()

    def finished(self) -> bytes:
        names_all = {
            "apiVersion": "backstage.io/v1alpha1",
            "kind": "Location",
            "metadata": {"name": "catalog-export", "description": "Every entity of an export of the catalog."},
            "spec": {"targets": [f"./*/*/*/{FILE}"]},
        }
        note = "# Register this file: it brings all the others.\n"
        if self._locations:
            note += f"# Not among them: {self._locations} Location entities, since what they named is here.\n"
        self._write(FILE, note + format_descriptor(names_all))
        self._zip.close()
        return self._out.take()

    def _write(self, path: str, text: str) -> None:
        entry = ZipInfo(path, _DAY)
        entry.compress_type = ZIP_DEFLATED
        entry.external_attr = 0o644 << 16
        self._zip.writestr(entry, text)


class _Outlet:
    """Takes bytes and gives them away; what is gone cannot be gone back to."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes, /) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def take(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def path_of(ref: EntityRef) -> str:
    """Where an entity stands in a zip: no part of it leads elsewhere, and any system can unpack it."""
    return "/".join((*(_folder(part.lower()) for part in ref), FILE))


def _folder(name: str) -> str:
    """A folder by this name, told apart from ``..`` and from names of devices."""
    safe = quote(name, safe="") if name.strip(".") else name.replace(".", "%2E")
    return f"{safe}_" if safe.partition(".")[0] in _DEVICES else safe


def _parsed(entity: bytes | Mapping[str, Any]) -> Mapping[str, Any]:
    return orjson.loads(entity) if isinstance(entity, bytes) else entity
