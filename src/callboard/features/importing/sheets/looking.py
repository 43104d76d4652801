"""What a workbook's XML says beyond the values: merged cells of OpenDocument, colours and strikes, errors, formulas without a
stored value, and how far a tab is spread out. Runs in the opener's process.

The parts are streamed through expat before anything lays them out in memory. A document type declaration ends it: no spreadsheet
program writes one, and entities, external ones among them, cannot be without.
"""

from __future__ import annotations

import posixpath
import zipfile
from typing import Any, Callable, Iterator, Mapping
from xml.parsers import expat

MOST_MERGES = 20_000
MOST_TOLD = 2_000
"""Rows or cells named for one reason."""

_CHUNK = 65_536

Attributes = dict[str, str]


class Refused(Exception):
    """Reading stops; ``why`` and ``told`` become words where the process was started."""

    def __init__(self, why: str, **told: Any) -> None:
        super().__init__(why)
        self.why = why
        self.told = told


class TabFacts(dict[str, Any]):
    """``merges`` ([top, left, bottom, right]; rows from 1, columns from 0), ``colours`` ({colour: rows}), ``struck`` (rows),
    ``errors`` and ``uncomputed`` (cells).
    """


def look(archive: zipfile.ZipFile, kind: str, limits: Mapping[str, Any]) -> dict[str, TabFacts]:
    """Facts by the name of the tab.

    Raises:
        Refused: A document type declaration, broken XML, or a tab that is spread over too large an area.
    """
    return _look_at_ods(archive, limits) if kind == "ods" else _look_at_xlsx(archive, limits)


def parse(
    archive: zipfile.ZipFile,
    member: str,
    start: Callable[[str, Attributes], None],
    end: Callable[[str], None] | None = None,
    *,
    only_prolog: bool = False,
    keep_prefixes: bool = False,
) -> None:
    """Stream one member through expat, up to its first element if ``only_prolog``.

    Names come without their prefix unless they ``keep_prefixes``.
    """
    parser = expat.ParserCreate()
    within = False

    def started(name: str, attributes: Attributes) -> None:
        start(name.rpartition(":")[2], attributes)

    def ended(name: str) -> None:
        if end is not None:
            end(name.rpartition(":")[2])

    def root(name: str, attributes: Attributes) -> None:
        nonlocal within
        within = True
        # Most files have no prefixes, and large ones have a million elements.
        prefixed = ":" in name and not keep_prefixes
        parser.StartElementHandler = started if prefixed else start
        if end is not None:
            parser.EndElementHandler = ended if prefixed else end
        (started if prefixed else start)(name, attributes)

    def refuse(*_: Any) -> None:
        raise Refused("doctype", part=member)

    parser.StartElementHandler = root
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        with archive.open(member) as stream:
            while chunk := stream.read(_CHUNK):
                parser.Parse(chunk, False)
                if only_prolog and within:
                    return
            parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise Refused("damaged", detail=f"{member}: {error}") from error


def _find(archive: zipfile.ZipFile, name: str) -> str | None:
    """The member of this name, whatever its case: programs differ."""
    wanted = name.lstrip("/").lower()
    return next((each for each in archive.namelist() if each.lower() == wanted), None)


def require_area(rows: int, columns: int, tab: str, cell: str, limits: Mapping[str, Any]) -> None:
    """A stray cell far out would have everything between laid out."""
    if rows * columns > limits["cells"]:
        raise Refused("spread", tab=tab, cell=cell)


# ---- xlsx --------------------------------------------------------------------------------------------------------------


def _look_at_xlsx(archive: zipfile.ZipFile, limits: Mapping[str, Any]) -> dict[str, TabFacts]:
    colours, struck = _styles(archive)
    facts = {}
    for tab, member in _worksheets(archive):
        facts[tab] = _look_at_worksheet(archive, member, tab, colours, struck, limits)
    # Nothing is looked for in it, but it is parsed later: a declaration counts here, too.
    strings = _find(archive, "xl/sharedStrings.xml")
    if strings:
        parse(archive, strings, lambda name, attributes: None, only_prolog=True)
    return facts


def _worksheets(archive: zipfile.ZipFile) -> Iterator[tuple[str, str]]:
    """Name and member of every worksheet that is there."""
    targets: dict[str, str] = {}
    tabs: list[tuple[str, str]] = []

    def relation(name: str, attributes: Attributes) -> None:
        if name == "Relationship" and attributes.get("TargetMode") != "External":
            targets[attributes.get("Id", "")] = attributes.get("Target", "")

    def sheet(name: str, attributes: Attributes) -> None:
        if name == "sheet":
            id = next((value for key, value in attributes.items() if key.rpartition(":")[2] == "id"), "")
            tabs.append((attributes.get("name", ""), id))

    relations = _find(archive, "xl/_rels/workbook.xml.rels")
    workbook = _find(archive, "xl/workbook.xml")
    if relations is None or workbook is None:
        raise Refused("damaged", detail="no list of tabs")
    parse(archive, relations, relation)
    parse(archive, workbook, sheet)
    for tab, id in tabs:
        target = targets.get(id, "")
        member = _find(archive, target if target.startswith("/") else posixpath.normpath(f"xl/{target}"))
        if target and member:
            yield tab, member


def _styles(archive: zipfile.ZipFile) -> tuple[dict[str, str], set[str]]:
    """Style numbers that fill a cell with a colour other than white, with the colour, and those that strike it through."""
    member = _find(archive, "xl/styles.xml")
    fills: list[str] = []
    fonts: list[bool] = []
    colours: dict[str, str] = {}
    struck: set[str] = set()
    within: list[str] = []
    formats = 0
    solid = False

    def start(name: str, attributes: Attributes) -> None:
        nonlocal formats, solid
        parent = within[-1] if within else ""
        if name == "fill" and parent == "fills":
            fills.append("")
        elif name == "patternFill" and parent == "fill" and fills:
            solid = attributes.get("patternType") == "solid"
        elif name == "fgColor" and parent == "patternFill" and solid and fills:
            fills[-1] = _colour(attributes)
        elif name == "font" and parent == "fonts":
            fonts.append(False)
        elif name == "strike" and parent == "font" and fonts:
            fonts[-1] = attributes.get("val", "1") not in ("0", "false")
        elif name == "xf" and parent == "cellXfs":
            fill, font = _int(attributes.get("fillId"), 0), _int(attributes.get("fontId"), 0)
            if fill < len(fills) and fills[fill]:
                colours[str(formats)] = fills[fill]
            if font < len(fonts) and fonts[font]:
                struck.add(str(formats))
            formats += 1
        within.append(name)

    def end(name: str) -> None:
        within.pop()

    if member is not None:
        parse(archive, member, start, end)
    return colours, struck


def _colour(attributes: Attributes) -> str:
    rgb = attributes.get("rgb", "")
    if len(rgb) in (6, 8):
        rgb = rgb[-6:].lower()
        return "" if rgb == "ffffff" else rgb
    if "theme" in attributes:
        # 0 is the background of the theme; tinted it is a grey.
        number, tint = attributes["theme"], attributes.get("tint", "")
        return "" if number == "0" and not tint else f"theme {number}"
    return f"palette {attributes['indexed']}" if attributes.get("indexed", "64") not in ("64", "65", "9", "1") else ""


def _look_at_worksheet(
    archive: zipfile.ZipFile,
    member: str,
    tab: str,
    colours: Mapping[str, str],
    struck: set[str],
    limits: Mapping[str, Any],
) -> TabFacts:
    """Called back for every cell of a sheet: written to be quick. Cells with a style and no value are as good as absent."""
    facts = TabFacts(colours={}, struck=[], errors=[], uncomputed=[])
    known: dict[str, int] = {}
    styled = bool(colours or struck)
    row = digits = 0
    column = -1
    cell: Attributes = {}
    waiting = False  # a formula whose value did not come yet
    first_row = first_column = 1 << 30
    last_row = last_column = -1
    far = ""

    def told() -> str:
        return cell.get("r") or f"{_letters(column)}{row}"

    def leave_cell() -> None:
        nonlocal waiting
        waiting = False
        if len(facts["uncomputed"]) < MOST_TOLD:
            facts["uncomputed"].append(told())

    def add_row(rows: list[int]) -> None:
        if len(rows) < MOST_TOLD and (not rows or rows[-1] != row):
            rows.append(row)

    def start(name: str, attributes: Attributes) -> None:
        nonlocal row, digits, column, cell, waiting, first_row, last_row, first_column, last_column, far
        if name == "c":
            if waiting:
                leave_cell()
            cell = attributes
            column += 1
        elif name in ("v", "is"):
            waiting = False
            reference = cell.get("r")
            if reference:
                letters = reference[:-digits]
                index = known.get(letters)
                if index is None:
                    index = known[letters] = _column(letters)
                column = index
            if column > last_column or row > last_row:
                far = told()
                last_column, last_row = max(column, last_column), max(row, last_row)
            first_column = min(first_column, column)
            first_row = min(first_row, row)
            if styled:
                style = cell.get("s", "")
                if style in colours:
                    add_row(facts["colours"].setdefault(colours[style], []))
                if style in struck:
                    add_row(facts["struck"])
            if cell.get("t") == "e" and len(facts["errors"]) < MOST_TOLD:
                facts["errors"].append(told())
        elif name == "row":
            if waiting:
                leave_cell()
            row = _int(attributes.get("r"), row + 1)
            digits = len(str(row))
            column = -1
        elif name == "f":
            waiting = True

    parse(archive, member, start)
    if waiting:
        leave_cell()
    if last_row >= 0:
        require_area(last_row - first_row + 1, last_column - first_column + 1, tab, far, limits)
    return facts


def _column(letters: str) -> int:
    index = 0
    for letter in letters[:4].upper():
        index = index * 26 + ord(letter) - 64
    return index - 1


def _letters(index: int) -> str:
    letters = ""
    index += 1
    while index > 0:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _int(text: str | None, default: int) -> int:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 10 else default


# ---- ods ---------------------------------------------------------------------------------------------------------------


def _look_at_ods(archive: zipfile.ZipFile, limits: Mapping[str, Any]) -> dict[str, TabFacts]:
    """Merged ranges, which the reader of values does not tell for this format.

    Every program writes the prefixes that the standard uses; the reader of values relies on them, too.
    """
    member = _find(archive, "content.xml")
    if member is None:
        raise Refused("damaged", detail="no content.xml")
    _refuse_encrypted(archive)
    found: dict[str, TabFacts] = {}
    merges: list[list[int]] = []
    tab = ""
    row = column = 0
    repeats = 1
    first_row = first_column = 1 << 30
    last_row = last_column = -1

    def start(name: str, attributes: Attributes) -> None:
        nonlocal merges, tab, row, column, repeats, first_row, first_column, last_row, last_column
        if name == "table:table-cell":
            wide = _int(attributes.get("table:number-columns-repeated"), 1) or 1
            if "office:value-type" in attributes or "calcext:value-type" in attributes:
                if row < first_row or column < first_column or row + repeats > last_row or column + wide > last_column:
                    first_row, last_row = min(first_row, row), max(last_row, row + repeats - 1)
                    first_column, last_column = min(first_column, column), max(last_column, column + wide - 1)
                    height, width = last_row - first_row + 1, last_column - first_column + 1
                    require_area(height, width, tab, f"{_letters(column)}{row + 1}", limits)
            across = _int(attributes.get("table:number-columns-spanned"), 1)
            down = _int(attributes.get("table:number-rows-spanned"), 1)
            if (across > 1 or down > 1) and len(merges) < MOST_MERGES:
                merges.append([row + 1, column, row + down, column + across - 1])
            column += wide
        elif name == "table:table-row":
            row += repeats
            repeats = _int(attributes.get("table:number-rows-repeated"), 1) or 1
            column = 0
        elif name == "table:covered-table-cell":
            column += _int(attributes.get("table:number-columns-repeated"), 1) or 1
        elif name == "table:table" and attributes.get("table:is-sub-table") != "true":
            tab = attributes.get("table:name", "")
            merges = []
            found[tab] = TabFacts(merges=merges)
            row, repeats = -1, 1
            first_row = first_column = 1 << 30
            last_row = last_column = -1

    parse(archive, member, start, keep_prefixes=True)
    return found


def _refuse_encrypted(archive: zipfile.ZipFile) -> None:
    manifest = _find(archive, "META-INF/manifest.xml")

    def start(name: str, attributes: Attributes) -> None:
        if name == "encryption-data":
            raise Refused("password")

    if manifest is not None:
        parse(archive, manifest, start)
