"""One entity as cells under headers that an import understands without help. Nothing is lost but what no cell holds.

=============================================  =========================================================================
header                                         cell
=============================================  =========================================================================
``kind`` ``namespace`` ``name`` ``title``      the text as the descriptor has it
``description`` ``owner`` ``type``
``lifecycle`` ``system`` ``domain``
``tags`` ``depends_on`` ``provides_apis``      texts, joined with ``, ``
``consumes_apis``
``link:<title>``, ``link`` (of no title)       an address
``label:<key>``, ``annotation:<key>``          the text
``spec.<path>``, ``metadata.<path>``,          any other field, by its path: JSON where the cell is JSON, else the text itself.
``spec``, ``metadata``, ``apiVersion`` …       A mapping is merged with what the other cells say
``left out``                                   paths of what is too long for a cell; only there when something is
=============================================  =========================================================================

An empty cell is a field that is not there. A value that would not come back the same from its own column (an empty text, a
list with a comma in it, an e-mail address as owner) goes into the column of its path, as JSON.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final, Mapping, Sequence, TypeGuard

import orjson

from callboard.model.refs import DEFAULT_NAMESPACE

API_VERSION: Final = "backstage.io/v1alpha1"
"""What a row without ``apiVersion`` has."""

TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "namespace": ("metadata", "namespace"),
    "name": ("metadata", "name"),
    "title": ("metadata", "title"),
    "description": ("metadata", "description"),
    "owner": ("spec", "owner"),
    "type": ("spec", "type"),
    "lifecycle": ("spec", "lifecycle"),
    "system": ("spec", "system"),
    "domain": ("spec", "domain"),
}
LISTS: Final[Mapping[str, tuple[str, str]]] = {
    "tags": ("metadata", "tags"),
    "depends_on": ("spec", "dependsOn"),
    "provides_apis": ("spec", "providesApis"),
    "consumes_apis": ("spec", "consumesApis"),
}
ALWAYS: Final = ("kind", *TEXTS, *LISTS)
"""Headers of every table, whether or not a cell stands below them."""
LEFT_OUT: Final = "left out"

MAX_CELL: Final = 10_000
"""Characters. A spreadsheet holds 32,767, an import takes as many as this."""
MAX_LINKS: Final = 20
MAX_LABELS: Final = 30
MAX_ANNOTATIONS: Final = 60
MAX_FIELDS: Final = 60
"""Columns of each sort, so that there are never more than an import takes (200); what comes later is JSON in one cell."""

_DOCUMENT: Final = ("apiVersion", "kind", "metadata", "spec")
_STITCHED: Final = ("relations", "status")
_OWN_COLUMNS: Final = {path: header for header, path in {**TEXTS, **LISTS}.items()}
_APART: Final = ("labels", "annotations", "links")
_ODD: Final = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]")
"""What a cell may lose on its way: control characters but tab and line feed, and what XML cannot say."""
_SEPARATORS: Final = re.compile(r"[,;|\n]")
_KEY: Final = re.compile(r"[\x21-\x7e]{1,200}")
_STEP: Final = re.compile(r"[A-Za-z0-9_$-]{1,100}")
_OWNER: Final = re.compile(r"((group|user):)?([\w.-]+/)?[\w.-]+", re.IGNORECASE | re.ASCII)
"""An owner as an import takes it to the letter; anything else (an address, two words) it would look up among people."""
_MAY_BE_JSON: Final = frozenset('"{[-0123456789tfnNI')


class Columns:
    """The columns of one table, found row by row.

    ``cells`` is called once for each entity, in the order of the rows; ``headers`` holds for all of them afterwards.
    """

    def __init__(self) -> None:
        self._links: dict[str, int] = {}
        self._labels: set[str] = set()
        self._annotations: set[str] = set()
        self._fields: set[str] = set()
        self._rest: set[str] = set()
        self._leaves_out = False

    @property
    def headers(self) -> tuple[str, ...]:
        """In order: what all tables have, links, labels, annotations, other fields, what was left out. At most 200."""
        found = [*self._links, *sorted(self._labels), *sorted(self._annotations), *sorted(self._fields | self._rest)]
        return (*ALWAYS, *found, *([LEFT_OUT] if self._leaves_out else ()))

    def cells(self, descriptor: Mapping[str, Any]) -> dict[str, str]:
        """Header to text of one descriptor (``documents.descriptor_of``); headers without a value are not there."""
        row = _Row()
        row.put("kind", str(descriptor["kind"]))
        metadata = descriptor["metadata"]
        if metadata.get("namespace") is None:
            row.put("namespace", DEFAULT_NAMESPACE)
        if descriptor.get("apiVersion") != API_VERSION:
            self._field(row, "apiVersion", descriptor.get("apiVersion"))
        self._part(row, "metadata", metadata)
        self._mapped(row, "label", metadata.get("labels"), self._labels, MAX_LABELS)
        self._mapped(row, "annotation", metadata.get("annotations"), self._annotations, MAX_ANNOTATIONS)
        if "links" in metadata:
            self._link_cells(row, metadata["links"])
        if "spec" in descriptor:
            self._part(row, "spec", descriptor["spec"])
        for key, value in descriptor.items():
            if key not in _DOCUMENT and key not in _STITCHED:
                self._field(row, key, value)
        return self._finished(row)

    # ---- parts of a document ---------------------------------------------------------------------------------------

    def _part(self, row: _Row, name: str, part: Any) -> None:
        """``metadata`` or ``spec``: what has a column of its own, then every other field by its path."""
        if not isinstance(part, dict) or not part:
            row.rest[name] = part
            self._rest.add(name)
            return
        for key, value in part.items():
            if name == "metadata" and key in _APART:
                continue
            header = _OWN_COLUMNS.get((name, key))
            text = None if header is None else _own_text(header, value)
            if header is not None and text is not None:
                row.put(header, text)
            elif (steps := _flat(value)) is not None and _STEP.fullmatch(key):
                for step, below in steps.items():
                    self._field(row, f"{name}.{key}.{step}", below, (name, key, step))
            else:
                self._field(row, f"{name}.{key}", value, (name, key))

    def _field(self, row: _Row, header: str, value: Any, path: Sequence[str] = ()) -> None:
        """One field by its path, or, where it can have no column, in the JSON of the part that it belongs to."""
        has_column = header in self._fields or len(self._fields) < MAX_FIELDS
        if len(path) < 2 or (has_column and all(_STEP.fullmatch(step) for step in path)):
            if row.put(header, format_field(value)):
                self._fields.add(header)
            return
        self._into_rest(row, path[0], path[1:], value)

    def _mapped(self, row: _Row, sort: str, values: Any, known: set[str], most: int) -> None:
        """Labels or annotations, each in a column of its own."""
        if values is None:
            return
        name = f"{sort}s"
        if not isinstance(values, dict) or not values:
            self._field(row, f"metadata.{name}", values, ("metadata", name))
            return
        for key, value in values.items():
            header = f"{sort}:{key}"
            if is_plain(value) and _KEY.fullmatch(key) and (header in known or len(known) < most):
                if row.put(header, value):
                    known.add(header)
            else:
                self._into_rest(row, f"metadata.{name}", (key,), value)

    def _into_rest(self, row: _Row, header: str, path: Sequence[str], value: Any) -> None:
        if len(format_json(value)) > MAX_CELL:
            row.left_out.append(".".join((header, *path)))
            return
        below = row.rest.setdefault(header, {})
        for step in path[:-1]:
            below = below.setdefault(step, {})
        below[path[-1]] = value
        self._rest.add(header)

    def _link_cells(self, row: _Row, links: Any) -> None:
        """A column for each title, if that tells all of the links and their order; else all of them as JSON."""
        headers = _link_headers(links)
        if headers is not None:
            order = dict(self._links)
            places = [order.setdefault(header, len(order)) for header in headers]
            if places == sorted(places) and len(order) <= MAX_LINKS:
                self._links = order
                row.cells |= {header: link["url"] for header, link in zip(headers, links, strict=True)}
                return
        if row.put("metadata.links", format_json(links)):
            self._rest.add("metadata.links")

    def _finished(self, row: _Row) -> dict[str, str]:
        for header, value in row.rest.items():
            row.put(header, format_json(value))
        if row.left_out:
            self._leaves_out = True
            row.cells[LEFT_OUT] = ", ".join(row.left_out)[:MAX_CELL]
        return row.cells


class _Row:
    """Cells of one entity while they are gathered. ``rest`` is JSON to be, by header."""

    __slots__ = ("cells", "left_out", "rest")

    def __init__(self) -> None:
        self.cells: dict[str, str] = {}
        self.rest: dict[str, Any] = {}
        self.left_out: list[str] = []

    def put(self, header: str, text: str) -> bool:
        """Whether it stands in a cell now; what is too long is left out and named."""
        if len(text) > MAX_CELL:
            self.left_out.append(_path_of(header))
            return False
        self.cells[header] = text
        return True


def _path_of(header: str) -> str:
    """Where the value of a column lies in the document."""
    if header in TEXTS or header in LISTS:
        return ".".join({**TEXTS, **LISTS}[header])
    sort, colon, key = header.partition(":")
    return f"metadata.{sort}s.{key}" if colon else header


def _own_text(header: str, value: Any) -> str | None:
    """The cell in a column made for this field; None when the value would not come back from there."""
    if header in LISTS:
        is_list = isinstance(value, list) and len(value) > 0
        fits = is_list and all(is_plain(item) and not _SEPARATORS.search(item) for item in value)
        return ", ".join(value) if fits else None
    if header == "description" and isinstance(value, str):
        value = value.strip()  # blocks of YAML end with a line feed that nobody means
    if header == "owner" and isinstance(value, str) and not _OWNER.fullmatch(value):
        return None
    return value if is_plain(value) else None


def is_plain(value: Any) -> TypeGuard[str]:
    """Whether a cell gives the text back as it is: not empty, no blanks around it, no control characters."""
    return isinstance(value, str) and value != "" and value.strip() == value and not _ODD.search(value)


def _flat(value: Any) -> Mapping[str, str] | None:
    """A small mapping of texts, which reads better as columns (``spec.profile.email``); None for all else."""
    if not isinstance(value, dict) or not 0 < len(value) <= 10:
        return None
    return value if all(isinstance(v, str) and _STEP.fullmatch(k) for k, v in value.items()) else None


def _link_headers(links: Any) -> list[str] | None:
    """The header of each link, all different; None when a link says more than address and title."""
    if not isinstance(links, list) or not links:
        return None
    headers = []
    for link in links:
        if not isinstance(link, dict) or not link.keys() <= {"url", "title"} or not is_plain(link.get("url")):
            return None
        title = link.get("title")
        if "title" in link and (not is_plain(title) or "\n" in title or len(title) > 80):
            return None
        if len(link["url"]) > MAX_CELL or _SEPARATORS.search(link["url"]) or re.search(r"\s", link["url"]):
            return None
        headers.append("link" if title is None else f"link:{title}")
    return headers if len(set(headers)) == len(headers) else None


def format_field(value: Any) -> str:
    """Text as it is where that is clear, else JSON: texts that are empty, odd, or read as JSON are quoted."""
    if isinstance(value, str) and is_plain(value) and not _reads_as_json(value):
        return value
    return format_json(value)


def format_json(value: Any) -> str:
    """Compact JSON that survives XML, too."""
    text = orjson.dumps(value).decode()
    return json.dumps(value, separators=(",", ":")) if "\ufffe" in text or "\uffff" in text else text


def _reads_as_json(text: str) -> bool:
    if text[0] not in _MAY_BE_JSON:
        return False
    try:
        json.loads(text)
    except ValueError:
        return False
    except RecursionError:
        return True  # brackets without end: no reader should have to try
    return True
