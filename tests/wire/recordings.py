"""Recorded exchanges with Backstage, read back, and the comparison of an answer of ours with a recorded one.

Values that differ by nature (uids, etags, ids, cursors, generated names, paths) are not compared but learned: where a
later recorded request uses one, ours takes its place.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from typing import Any, Mapping
from urllib.parse import quote

_GENERATED = re.compile(r"generated-[0-9a-f]{40}")
_CUT = "...(cut here"
_ORDER_FREE = ("annotations",)  # and the entities of a dry run: objects whose keys nobody reads in order
_SECURITY = (
    "content-security-policy", "referrer-policy", "strict-transport-security", "x-content-type-options",
    "x-dns-prefetch-control", "x-download-options", "x-frame-options", "x-permitted-cross-domain-policies",
    "x-xss-protection",
)  # fmt: skip


@dataclass(frozen=True)
class Exchange:
    """One request and its answer. Header names are lower-case; ``key`` is unique: group, place and title."""

    key: str
    method: str
    target: str
    headers: Mapping[str, str]
    body: str | None
    status: int
    answer_headers: Mapping[str, str]
    answer: str

    @property
    def is_cut(self) -> bool:
        """Whether the recorder kept only the beginning of the body."""
        return _CUT in self.answer[-60:]


def read_exchanges(group: str, text: str) -> list[Exchange]:
    """All exchanges of one ``.http`` file, in order."""
    found = []
    for number, part in enumerate(re.split(r"^### ", text, flags=re.MULTILINE)[1:], 1):
        lines = part.split("\n")
        request = [line[2:] for line in lines if line.startswith("> ")]
        method, target, _ = request[0].split(" ")
        sent = "\n".join(lines[: lines.index("")])
        body = sent.split("\n>\n> ", 1)[1] if "\n>\n> " in sent else None
        start = next(i for i, line in enumerate(lines) if line.startswith("< HTTP/1.1 "))
        end = lines.index("<", start)
        answer_headers = dict(line[2:].split(": ", 1) for line in lines[start + 1 : end])
        answer = "\n".join(lines[end + 1 :]).split("\n\n(that ", 1)[0].removesuffix("\n").removesuffix("\n")
        found.append(
            Exchange(
                f"{group[:2]}.{number} {lines[0]}",
                method,
                target,
                {
                    k.lower(): v
                    for k, v in (line.split(": ", 1) for line in request[1:] if ": " in line and line[0] != "{")
                },
                body,
                int(lines[start].split(" ")[2]),
                {k.lower(): v for k, v in answer_headers.items()},
                answer,
            )
        )
    return found


@dataclass
class Comparison:
    """Compares answers one after the other. ``paths`` maps recorded folders to ours; ``learned`` recorded values to ours."""

    paths: Mapping[str, str]
    learned: dict[str, str] = field(default_factory=dict)

    def ours(self, text: str) -> str:
        """A recorded request with what we have learned put in its place, in plain and percent-encoded form."""
        for recorded, mine in sorted(self.learned.items(), key=lambda pair: -len(pair[0])):
            for spell in (quote, lambda value: value):
                text = text.replace(spell(recorded), quote(mine))
        return text

    def differences(
        self,
        exchange: Exchange,
        status: int,
        headers: Mapping[str, str],
        body: str,
        *,
        is_unordered: bool = False,
        is_chance: bool = False,
    ) -> list[str]:
        """What is not as recorded, one line each.

        ``is_unordered``: items may come in any order. ``is_chance``: nor is it the same items, so their keys alone count.
        """
        out = []
        if status != exchange.status:
            out.append(f"status {status}, recorded {exchange.status}: {body[:300]}")
        out += self._headers(exchange, headers, body)
        if exchange.is_cut:
            return out
        recorded = exchange.answer
        for theirs, mine in self.paths.items():
            recorded = recorded.replace(theirs, mine)
        try:
            wanted, got = json.loads(recorded), json.loads(body)
        except ValueError:
            return out if recorded == body else [*out, f"body {body[:200]!r}, recorded {recorded[:200]!r}"]
        if is_unordered:
            wanted, got = _in_order(wanted), _in_order(got)
        if is_chance:
            wanted, got = _without_values(wanted), _without_values(got)
        self._walk(wanted, got, "$", out)
        return out

    def _headers(self, exchange: Exchange, headers: Mapping[str, str], body: str) -> list[str]:
        recorded = exchange.answer_headers
        out = [f"no header {name}" for name in _SECURITY if name in recorded and name not in headers]
        for name in ("content-type", "allow"):
            if recorded.get(name) != headers.get(name):
                out.append(f"{name} {headers.get(name)!r}, recorded {recorded.get(name)!r}")
        if ("etag" in recorded) != ("etag" in headers):
            out.append(f"etag {headers.get('etag')!r}, recorded {recorded.get('etag')!r}")
        if body == exchange.answer and recorded.get("etag") != headers.get("etag"):
            out.append(f"etag {headers.get('etag')!r} of the same body, recorded {recorded.get('etag')!r}")
        if recorded.get("link") != headers.get("link"):
            out.append(f"link {headers.get('link')!r}, recorded {recorded.get('link')!r}")
        if (
            "json" in recorded.get("content-type", "")
            and "accept-encoding" not in headers.get("vary", "").lower()
            and recorded.get("content-length")
        ):
            out.append("no vary")
        return out

    def _walk(self, wanted: Any, got: Any, path: str, out: list[str]) -> None:
        key = path.rpartition(".")[2]
        if isinstance(wanted, dict) and isinstance(got, dict):
            is_ordered = key not in _ORDER_FREE and ".entities." not in path
            if set(wanted) != set(got) or (is_ordered and list(wanted) != list(got)):
                out.append(f"{path}: keys {list(got)}, recorded {list(wanted)}")
            for name in wanted:
                if name in got:
                    self._walk(wanted[name], got[name], f"{path}.{name}", out)
        elif isinstance(wanted, list) and isinstance(got, list):
            if len(wanted) != len(got):
                out.append(f"{path}: {len(got)} items, recorded {len(wanted)}")
            for number, (one, other) in enumerate(zip(wanted, got)):
                self._walk(one, other, f"{path}.[{number}]", out)
        elif key in ("nextCursor", "prevCursor") and isinstance(got, str):
            self.learned[wanted] = got
            self._walk(_decoded(wanted), _decoded(got), f"{path}.decoded", out)
        elif isinstance(wanted, str) and isinstance(got, str):
            if (key in ("uid", "id") and "-" in wanted) or _is_row_id(path, wanted, got):
                self.learned[wanted] = got
            elif key != "etag" and self._plain(wanted) != self._plain(got):
                out.append(f"{path}: {got!r}, recorded {wanted!r}")
        elif wanted != got:
            out.append(f"{path}: {got!r}, recorded {wanted!r}")

    def _plain(self, text: str) -> str:
        for recorded, mine in self.learned.items():
            text = text.replace(recorded, mine)
        return _GENERATED.sub("generated-X", text)


def _decoded(cursor: str) -> Any:
    return json.loads(base64.b64decode(cursor))


def _is_row_id(path: str, wanted: str, got: str) -> bool:
    """Inside a cursor, the id of a row: a UUID there, a number here."""
    return "FieldValues.[" in path and len(wanted) == 36 and got.isdigit()


def _in_order(value: Any) -> Any:
    """Lists of entities in an order of their own, where Backstage's is that of random uids."""
    if isinstance(value, list):
        return sorted(
            value, key=lambda one: _GENERATED.sub("generated-X", json.dumps(_without_chance(one), sort_keys=True))
        )
    if isinstance(value, dict):
        return {name: _in_order(child) if name == "items" else child for name, child in value.items()}
    return value


def _without_chance(entity: Any) -> Any:
    if not isinstance(entity, dict) or "metadata" not in entity:
        return entity
    return {**entity, "metadata": {k: v for k, v in entity["metadata"].items() if k not in ("uid", "etag")}}


def _without_values(answer: Any) -> Any:
    """An answer whose entities keep only the names of their uppermost keys."""
    if isinstance(answer, list):
        return [list(entity) for entity in answer]
    return {**answer, "items": [list(entity) for entity in answer["items"]]}
