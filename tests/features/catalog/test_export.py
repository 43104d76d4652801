"""Lists as files: nothing is lost, nothing runs, nobody gets what they may not see.

``document_of`` reads cells by the rules that ``export/columns.py`` states, written down here a second time.
"""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any, AsyncIterator, Mapping, Sequence
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from python_calamine import load_workbook
from starlette.datastructures import QueryParams

from callboard.features.catalog.export.columns import (
    ALWAYS,
    LEFT_OUT,
    LISTS,
    MAX_CELL,
    MAX_LINKS,
    TEXTS,
    Columns,
    is_plain,
)
from callboard.features.catalog.export.documents import descriptor_of, format_descriptor, iter_zip, path_of
from callboard.features.catalog.export.tables import MAX_XLSX_ROWS, Table, neutralise
from callboard.features.catalog.interface import CatalogQueries, RawPage
from callboard.features.catalog.pages.list_state import ListState
from callboard.features.catalog.pages.listing import pager_of
from callboard.features.catalog.views.exporting import iter_listed
from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.errors import LimitError
from callboard.model.documents import iter_documents
from callboard.model.refs import EntityRef
from callboard.testing import actors
from callboard.testing.entities import api, component, group, system, user_entity
from callboard.testing.entities import location as location_entity
from callboard.testing.portal import make_portal
from callboard.ui.messages import Messages

pytestmark = pytest.mark.anyio
Cells = Mapping[str, str]
HOSTILE = (
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "=cmd|' /C calc'!A0",
    "'=1",
    "''@x",
    "\uff1d1+1",
    "-",
    "<r><b/>x</r>",
    "_x0041_",
)

# ---- the rules, read the other way ----------------------------------------------------------------------------------


def document_of(cells: Cells) -> dict[str, Any]:
    """The descriptor that a row of cells stands for."""
    document: dict[str, Any] = {"apiVersion": "backstage.io/v1alpha1", "kind": cells["kind"], "metadata": {}}
    for header, text in cells.items():
        if text in ("", None) or header in ("kind", LEFT_OUT):
            continue
        sort, _, key = header.partition(":")
        if header in TEXTS:
            _put(document, TEXTS[header], text)
        elif header in LISTS:
            _put(document, LISTS[header], text.split(", "))
        elif sort in ("label", "annotation"):
            _put(document, ("metadata", f"{sort}s", key), text)
        elif sort == "link":
            link = {"url": text, "title": key} if key else {"url": text}
            document["metadata"].setdefault("links", []).append(link)
        else:
            _put(document, tuple(header.split(".")), _value(text))
    return document


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _put(document: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for step in path[:-1]:
        document = document.setdefault(step, {})
    if isinstance(value, dict) and isinstance(document.get(path[-1]), dict):
        for key, below in value.items():
            _put(document[path[-1]], (key,), below)
    else:
        document[path[-1]] = value


def expected(entity: Mapping[str, Any]) -> dict[str, Any]:
    """What should come back: the descriptor with its namespace said, and no blanks around its description."""
    document = descriptor_of(entity)
    document["metadata"] = {"namespace": "default", **document["metadata"]}
    description = document["metadata"].get("description")
    stripped = description.strip() if isinstance(description, str) else ""
    if is_plain(stripped):  # one of blanks, or with control characters, is kept as it is
        document["metadata"]["description"] = stripped
    return document


def read_csv(content: bytes) -> list[dict[str, str]]:
    rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    headers = next(rows)
    return [dict(zip(headers, map(_bare, row), strict=True)) for row in rows]


def read_xlsx(content: bytes) -> list[dict[str, str]]:
    rows = load_workbook(io.BytesIO(content)).get_sheet_by_index(0).to_python()
    return [dict(zip(rows[0], (_bare(cell.strip()) for cell in row), strict=True)) for row in rows[1:]]


def _bare(text: str) -> str:
    """One quote off, where an export would have put one."""
    return text[1:] if re.match("'+[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]", text) else text


def table_of(entities: Sequence[Mapping[str, Any]]) -> Table:
    table = Table()
    table.add([orjson.dumps(entity) for entity in entities])
    return table


def csv_of(entities: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    with table_of(entities) as table:
        return read_csv(b"".join(table.iter_csv()))


def xlsx_of(entities: Sequence[Mapping[str, Any]]) -> bytes:
    with table_of(entities) as table:
        return b"".join(table.iter_xlsx())


# ---- nothing is lost ------------------------------------------------------------------------------------------------

WORDS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=12)
KEYS = st.sampled_from(["team", "example.com/tier", "a.b", "odd key", "=x", ""]) | WORDS
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | WORDS
    | st.sampled_from(["12", "true", "null", "[1]", '"x"', "NaN", " x", "x\n", *HOSTILE]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
LINK = st.fixed_dictionaries(
    {"url": WORDS | st.just("https://x.example/a,b")}, optional={"title": WORDS, "icon": WORDS}
)
LISTS_OF_TEXT = st.lists(WORDS | st.sampled_from(["java", "a,b", "c d"]), max_size=3)
DOCUMENTS = st.fixed_dictionaries(
    {
        "apiVersion": st.sampled_from(["backstage.io/v1alpha1", "example.com/v1"]),
        "kind": st.sampled_from(["Component", "Runbook"]),
        "metadata": st.fixed_dictionaries(
            {"name": st.sampled_from(["a", "b-1", "007"])},
            optional={
                "namespace": st.sampled_from(["default", "shop"]),
                "title": VALUES,
                "description": WORDS,
                "tags": LISTS_OF_TEXT | VALUES,
                "labels": st.dictionaries(KEYS, WORDS, max_size=3),
                "annotations": st.dictionaries(KEYS, WORDS, min_size=1, max_size=3),
                "links": st.lists(LINK, max_size=3),
                "own": VALUES,
            },
        ),
    },
    optional={
        "spec": VALUES
        | st.fixed_dictionaries(
            {},
            optional={
                "owner": VALUES, "type": WORDS, "dependsOn": LISTS_OF_TEXT, "profile": st.dictionaries(KEYS, WORDS, max_size=3),
                "parent": VALUES, "steps": VALUES,
            },
        )
    },
)  # fmt: skip


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(DOCUMENTS, min_size=1, max_size=4))
def test_whatever_stands_in_a_descriptor_comes_back_from_its_cells(documents: list[dict[str, Any]]) -> None:
    """Of any shape, in CSV and XLSX alike, next to rows of other shapes."""
    wanted = [expected(document) for document in documents]
    assert [document_of(row) for row in csv_of(documents)] == wanted
    assert [document_of(row) for row in read_xlsx(xlsx_of(documents))] == wanted


def test_real_descriptors_come_back_from_their_cells(shared: Path) -> None:
    """All kinds as people write them, in one table: no more columns than an import takes, all that is left out is named."""
    documents = []
    for path in sorted((shared / "corpus" / "catalog").glob("*.yaml")):
        for found in iter_documents(path.read_bytes()):
            value = found.value
            if found.problem is None and isinstance(value, dict) and {"kind", "metadata", "apiVersion"} <= value.keys():
                if isinstance(value["metadata"], dict) and isinstance(value["metadata"].get("name"), str):
                    documents.append(value)
    assert len(documents) > 250
    rows = csv_of(documents)
    assert len(rows[0]) <= 200
    assert read_xlsx(xlsx_of(documents)) == rows
    for document, row in zip(documents, rows, strict=True):
        wanted = expected(document)
        for path in filter(None, (row.get(LEFT_OUT) or "").split(", ")):
            first, _, rest = path.partition(".")
            assert len(orjson.dumps(wanted[first].pop(rest))) > MAX_CELL
        assert document_of(row) == wanted


def test_the_common_columns_are_words_that_people_use() -> None:
    """Headers of every table, in an order that reads; links, labels, annotations and other fields follow."""
    one = component(
        "pay", owner="team-a", system="shop", dependsOn=["resource:db", "component:x"], subcomponentOf="big",
        metadata={
            "title": "Payments", "tags": ["java", "pci"], "labels": {"tier": "1"}, "annotations": {"example.com/a": "b"},
            "links": [{"url": "https://x.example", "title": "Runbook"}, {"url": "https://y.example"}],
        },
    )  # fmt: skip
    two = user_entity("ada", metadata={"annotations": {"example.com/0": "c"}})
    rows = csv_of([one, two])
    assert list(rows[0])[: len(ALWAYS)] == [
        "kind", "namespace", "name", "title", "description", "owner", "type", "lifecycle", "system", "domain", "tags", "depends_on",
        "provides_apis", "consumes_apis",
    ]  # fmt: skip
    more = [header for header in rows[0] if header not in ALWAYS and not header.startswith("spec.profile")]
    assert more[:5] == ["link:Runbook", "link", "label:tier", "annotation:example.com/0", "annotation:example.com/a"]
    assert rows[0]["depends_on"] == "resource:db, component:x"
    assert (rows[0]["tags"], rows[0]["spec.subcomponentOf"], rows[0]["link"]) == (
        "java, pci",
        "big",
        "https://y.example",
    )


def test_what_is_too_long_for_a_cell_is_named_in_its_row() -> None:
    """A cell cut short would come back as a change; an empty one that nobody knows of would be a loss."""
    long, short = api("big", definition="x" * (MAX_CELL + 1)), api("small", definition="openapi")
    rows = csv_of([long, short])
    assert (rows[0]["spec.definition"], rows[0][LEFT_OUT]) == ("", "spec.definition")
    assert (rows[1]["spec.definition"], rows[1][LEFT_OUT]) == ("openapi", "")
    assert LEFT_OUT not in csv_of([short])[0]


def test_many_different_keys_do_not_make_a_table_without_end() -> None:
    """Beyond what an import takes, keys share a cell of JSON; they still come back."""
    entities = [
        component(
            f"c{n}", **{f"own{n}": n}, metadata={
                "annotations": {f"example.com/{n}": "x"}, "labels": {f"l{n}": "y"}, "links": [{"url": "https://x", "title": f"t{n}"}],
            },
        )
        for n in range(300)
    ]  # fmt: skip
    rows = csv_of(entities)
    assert len(rows[0]) <= 200
    assert [document_of(row) for row in rows] == [expected(entity) for entity in entities]


def test_links_keep_their_order() -> None:
    """Columns have one order for all rows; a row whose links stand otherwise has them as JSON, as has one with icons."""
    a, b = {"url": "https://a", "title": "A"}, {"url": "https://b", "title": "B"}
    entities = [
        component(n, metadata={"links": links})
        for n, links in [("x", [a, b]), ("y", [b, a]), ("z", [{**a, "icon": "i"}])]
    ]
    columns = Columns()
    cells = [columns.cells(descriptor_of(entity)) for entity in entities]
    assert [row.get("link:A") for row in cells] == ["https://a", None, None]
    assert [json.loads(row.get("metadata.links", "null")) for row in cells] == [None, [b, a], [{**a, "icon": "i"}]]
    assert MAX_LINKS > 2


# ---- nothing runs ---------------------------------------------------------------------------------------------------


@given(st.text(st.sampled_from(["=", "+", "-", "@", "'", "\t", "\n", "x", "\uff1d"]), max_size=6))
def test_a_neutralised_text_is_no_formula_and_comes_back(text: str) -> None:
    """One quote off gives the text that went in, whatever quotes it had."""
    safe = neutralise(text)
    assert not re.match("[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]", safe)
    assert _bare(safe) == text


def test_no_cell_of_a_csv_is_a_formula() -> None:
    """Not in a title, a label, a link, or any other field."""
    for evil in HOSTILE[:5]:
        entity = component("x", metadata={"title": evil, "labels": {"l": evil}, "description": evil}, own=evil)
        with table_of([entity]) as table:
            raw = list(csv.reader(io.StringIO(b"".join(table.iter_csv()).decode(), newline="")))
        assert [cell for cell in raw[1] if cell.startswith(("=", "+", "-", "@"))] == []
        assert raw[1].count(f"'{evil}") >= 3  # what is a number to JSON is quoted where it is a field


def test_a_workbook_holds_texts_and_nothing_else() -> None:
    """No formula, no link, no markup of its own: hostile cells are text, marked so that editing them does not run them."""
    entities = [component(f"c{n}", metadata={"title": evil}) for n, evil in enumerate(HOSTILE)]
    entities.append(component("web", metadata={"title": "https://evil.example", "description": "<r><t>a</t></r>"}))
    content = xlsx_of(entities)
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml").decode()
        names = parts.namelist()
        styles = parts.read("xl/styles.xml").decode()
    assert "<f>" not in sheet and "hyperlink" not in sheet and not any("rels/sheet" in name for name in names)
    assert set(re.findall(r'<c [^>]*t="(\w+)"', sheet)) == {"inlineStr"}
    assert 'quotePrefix="1"' in styles
    quoted = re.findall(r'<c r="D(\d+)" s="(\d)"', sheet)
    assert [int(row) - 2 for row, style in quoted if style == "2"] == [
        n for n, t in enumerate(HOSTILE) if t[0] in "=+-@\uff1d"
    ]
    assert "&lt;r&gt;" in sheet and "<b/>" not in sheet
    assert [row["title"] for row in read_xlsx(content)][:-1] == list(HOSTILE)


def test_a_list_that_no_sheet_holds_is_refused() -> None:
    """Rows that a library would drop without a word; CSV has no such end."""
    with table_of([component("x")]) as table:
        table.rows = MAX_XLSX_ROWS + 1
        with pytest.raises(LimitError, match="take CSV"):
            next(table.iter_xlsx())
        assert next(table.iter_csv(bom=True)) == b"\xef\xbb\xbf"


def test_the_same_entities_give_the_same_bytes() -> None:
    """So that files can be compared, and a copy of one knows whether anything changed."""
    entities = [component(f"c{n}", metadata={"labels": {f"l{n % 3}": "x"}}) for n in range(5)]
    assert xlsx_of(entities) == xlsx_of(entities)


# ---- descriptors ----------------------------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(DOCUMENTS)
def test_a_descriptor_reads_back_as_it_was(document: dict[str, Any]) -> None:
    """What looks like a number, a date or a word of YAML stays text; texts of several lines stay as they are."""
    written = format_descriptor(document).encode()
    (found,) = iter_documents(written)
    assert found.problem is None
    assert found.value == orjson.loads(orjson.dumps(_as_json(document)))


@pytest.mark.parametrize(
    "text", ["1e3", "0o14", "012", "1_000", "on", "NO", "2026-11-23", "~", "=", "<<", ".5", "12:30", "0x1F"]
)
def test_texts_that_yaml_may_take_for_something_else_stay_texts(text: str) -> None:
    """By the rules of YAML 1.1 and of 1.2 alike."""
    import yaml

    written = format_descriptor({"a": text, text: 1})
    (found,) = iter_documents(written.encode())
    assert found.value == yaml.safe_load(written) == {"a": text, text: 1}


def _as_json(value: Any) -> Any:
    """Numbers as the catalog keeps them: 1.0 is 1."""
    if isinstance(value, dict):
        return {k: _as_json(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_as_json(v) for v in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value


def test_a_descriptor_has_nothing_that_the_catalog_adds() -> None:
    """Links to the source go only where they say no more than the location does."""
    target = "https://github.com/acme/shop/blob/main/catalog-info.yaml"
    entity = component(
        "shop",
        metadata={
            "uid": "1", "etag": "2",
            "annotations": {
                "backstage.io/managed-by-location": f"url:{target}", "backstage.io/managed-by-origin-location": f"url:{target}",
                "backstage.io/orphan": "true", "backstage.io/view-url": target,
                "backstage.io/edit-url": "https://github.com/acme/shop/edit/main/catalog-info.yaml",
                "backstage.io/source-location": "url:https://github.com/acme/shop-code/", "example.com/own": "x",
            },
        },
    ) | {"relations": [{"type": "ownedBy", "targetRef": "group:default/a"}], "status": {"items": []}}  # fmt: skip
    document = descriptor_of(entity)
    assert set(document) == {"apiVersion", "kind", "metadata", "spec"}
    assert document["metadata"] == {
        "name": "shop",
        "annotations": {
            "backstage.io/source-location": "url:https://github.com/acme/shop-code/",
            "example.com/own": "x",
        },
    }


@pytest.mark.parametrize(
    ("ref", "path"),
    [
        (EntityRef("Component", "Default", "Shop.v1"), "component/default/shop.v1/catalog-info.yaml"),
        (EntityRef("Component", "..", "../../etc"), "component/%2E%2E/..%2F..%2Fetc/catalog-info.yaml"),
        (EntityRef("API", "default", "con"), "api/default/con_/catalog-info.yaml"),
        (EntityRef("API", "default", "a\\b:c"), "api/default/a%5Cb%3Ac/catalog-info.yaml"),
    ],
)
def test_no_name_leads_out_of_the_folder(ref: EntityRef, path: str) -> None:
    """Whatever a kind of one's own allows as a name, and on any system."""
    assert path_of(ref) == path


async def test_a_zip_brings_everything_back(world: Any) -> None:
    """Unpacked elsewhere and registered by its one file at the top: the same entities with the same relations."""
    world.write(
        "all.yaml", group("team"), component("pay", owner="team", system="shop", description="a\nb\n"), system("shop", owner="team"),
        api("pay-api", owner="team"), user_entity("ada", member_of=("team",)), component("con", namespace="other", owner="group:default/team"),
    )  # fmt: skip
    async with world.site("all.yaml") as site:
        before = await site.snapshot()
        content = b"".join([part async for part in iter_zip(site.queries.iter_raw(_everything(), actor=SYSTEM))])
        again = b"".join([part async for part in iter_zip(site.queries.iter_raw(_everything(), actor=SYSTEM))])
    assert content == again
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert "component/other/con_/catalog-info.yaml" in archive.namelist()
        archive.extractall(world.folder / "unpacked")
    async with world.beside().site("unpacked/catalog-info.yaml") as site:
        assert not await site.all_findings()
        after = await site.snapshot()
    assert _comparable(after) == _comparable(before)


def _everything() -> Any:
    from callboard.features.catalog.interface import EntityQuery

    return EntityQuery(by_ref=True)


def _comparable(snapshot: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Without Locations and where things came from."""
    return {
        ref: (descriptor_of(entity), entity.get("relations"))
        for ref, entity in snapshot.items()
        if not ref.startswith("location:")
    }


# ---- the list page --------------------------------------------------------------------------------------------------


def test_the_list_offers_its_rows_as_files() -> None:
    """With its filters and its order, without the page that one happens to be on."""
    state = ListState.parse(
        QueryParams("kind=component&owner=group:default/a&q=pay&sort=-changed&after=W251bGwsMV0&start=25")
    )
    t = Messages.load(["callboard.ui", "callboard.features.catalog"]).translator()
    formats = dict(pager_of(state, RawPage([b""], 1, None, None, False, True), t).formats)
    assert list(formats) == ["CSV", "XLSX", "YAML", "JSON"]
    for title, path in (
        ("CSV", "/catalog/export.csv"),
        ("XLSX", "/catalog/export.xlsx"),
        ("YAML", "/catalog/export.zip"),
    ):
        split = urlsplit(formats[title])
        assert split.path == path
        assert parse_qs(split.query) == {
            "kind": ["component"],
            "owner": ["group:default/a"],
            "q": ["pay"],
            "sort": ["-changed"],
        }


async def _listed(queries: CatalogQueries, address: str) -> list[str]:
    state = ListState.parse(QueryParams(address))
    chunks: AsyncIterator[Sequence[Mapping[str, Any]]] = iter_listed(queries, state, actor=SYSTEM)
    return [entity["metadata"]["name"] async for chunk in chunks for entity in chunk]


async def test_an_export_leaves_nobody_out_for_want_of_a_field(world: Any) -> None:
    """An order that the page cannot keep for all puts the rest behind, and has no entity twice."""
    world.write(
        "all.yaml", component("b", type="website"), component("a", type="library"), group("g"), system("s", owner="g"),
    )  # fmt: skip
    async with world.site("all.yaml") as site:
        names = await _listed(site.queries, "sort=lifecycle")
        assert set(names[:2]) == {"a", "b"}
        assert sorted(n for n in names if not n.startswith("generated-")) == ["a", "b", "g", "s"]
        assert (await _listed(site.queries, "sort=-type&kind=component")) == ["b", "a"]
        assert (await _listed(site.queries, "kind=component&type=library")) == ["a"]


async def test_an_entity_with_two_values_is_exported_once(world: Any) -> None:
    """It stands under both in an order by what it is part of; in a file it would be a repeat."""
    world.write(
        "all.yaml", component("two", system="s", subcomponentOf="one"), component("one"), system("s", owner="g")
    )
    async with world.site("all.yaml") as site:
        assert await _listed(site.queries, "sort=system&kind=component") == ["two", "one"]


POLICY = {
    "defaults": True,
    "roles": {
        "confidential": {
            "members": ["$everyone"],
            "rules": [
                {
                    "permission": "catalog.entity.*",
                    "effect": "deny",
                    "when": {"rule": "HAS_LABEL", "resourceType": "catalog-entity", "params": {"label": "secret"}},
                }
            ],
        }
    },
}


async def test_a_file_holds_what_its_reader_may_see(world: Any) -> None:
    """In no form does it name a hidden entity, nor has it a column that only such an entity would fill; strangers get none."""
    hidden = component("hidden-one", metadata={"labels": {"secret": "yes", "hidden-label": "x"}}, hiddenField="x")
    world.write("all.yaml", component("seen", metadata={"title": "=1+1"}), hidden, location_entity("elsewhere"))
    given = world.settings(["all.yaml"], more={"permission": {"policy": POLICY}})
    async with make_portal(given, data_dir=world.data_dir) as portal:
        await portal.jobs.run_due()
        async with portal.client(actors.user("ada")) as client:
            answers = {
                form: await client.get(f"/catalog/export.{form}?kind=component") for form in ("csv", "xlsx", "zip")
            }
            old = await client.get("/catalog.csv?kind=component")
            marked = await client.get("/catalog/export.csv?bom=1&kind=component")
            narrowed = await client.get("/catalog/export.xlsx?q=nothing-has-this")
        async with portal.client() as stranger:
            for form in ("csv", "xlsx", "zip"):
                assert (await stranger.get(f"/catalog/export.{form}")).status_code in (302, 303, 401)
    for form, answer in answers.items():
        assert answer.status_code == 200
        assert answer.headers["content-disposition"] == f'attachment; filename="catalog.{form}"'
        assert "no-store" in answer.headers["cache-control"]
    assert answers["csv"].headers["content-type"] == "text/csv; charset=utf-8"
    assert old.content == answers["csv"].content
    assert marked.content == b"\xef\xbb\xbf" + old.content
    (row,) = read_csv(answers["csv"].content)
    assert row == read_xlsx(answers["xlsx"].content)[0]
    assert (row["name"], row["title"], tuple(row)) == ("seen", "=1+1", ALWAYS)
    with zipfile.ZipFile(io.BytesIO(answers["zip"].content)) as archive:
        assert archive.namelist() == ["component/default/seen/catalog-info.yaml", "catalog-info.yaml"]
        assert b"hidden" not in b"".join(archive.read(name) for name in archive.namelist())
    assert read_xlsx(narrowed.content) == []
