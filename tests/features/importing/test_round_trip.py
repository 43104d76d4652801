"""A table that the catalog exported, imported as it is: the same entities come out, with nothing lost and nothing added."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping, Sequence

import pytest

from callboard.features.catalog.export.documents import descriptor_of
from callboard.features.catalog.export.tables import Table
from callboard.features.catalog.interface import EntityQuery
from callboard.features.importing.domain import guess_columns, mapping_from, plan_table
from callboard.features.importing.interface import Plan, Surroundings
from callboard.features.importing.sheets.reading import read_workbook
from callboard.kernel.auth.actor import SYSTEM
from callboard.model.documents import iter_documents
from callboard.model.kinds import KindRegistry
from callboard.model.predicates import Negation, has_value
from callboard.model.refs import EntityRef
from callboard.model.validation import EntityValidator
from callboard.testing.entities import api, component, domain, group, resource, system, template, user_entity
from tests.features.importing.conftest import Desk, World

FORMS = ("csv", "xlsx")
LONGEST = 9_000
"""Characters of a text that a cell holds; an export names what is longer as left out."""


def file_of(entities: Sequence[Mapping[str, Any]], form: str) -> bytes:
    with Table() as table:
        table.add(entities)
        return b"".join(table.iter_csv() if form == "csv" else table.iter_xlsx())


def plan_of(entities: Sequence[Mapping[str, Any]], form: str, around: Surroundings | None = None) -> Plan:
    """Exported, read, understood and planned, with nobody to help."""
    (table,) = read_workbook(file_of(entities, form), f"catalog.{form}").tables
    assert table.skipped == ()
    mapping = mapping_from(guess_columns(table))
    return plan_table(table, mapping, around or people_of(entities), validate=lambda entity: ())


def people_of(entities: Sequence[Mapping[str, Any]]) -> Surroundings:
    """The groups and users among the entities, as a catalog that holds them would name them."""
    refs = {str(EntityRef.of(e)): (e["metadata"]["name"],) for e in entities if e["kind"] in ("Group", "User")}
    return Surroundings(people=refs)


def told(entity: Mapping[str, Any]) -> dict[str, Any]:
    """The descriptor, with its namespace said; blanks around a description are nothing."""
    document = descriptor_of(entity)
    document["metadata"] = {"namespace": "default", **document["metadata"]}
    if isinstance(text := document["metadata"].get("description"), str):
        document["metadata"]["description"] = text.strip()
    return document


def compare(entities: Sequence[Mapping[str, Any]], form: str) -> None:
    plan = plan_of(entities, form)
    found = {p.ref: told(p.entity) if p.entity is not None else p.reason for p in plan.entities}
    wanted = {str(EntityRef.of(entity)): told(entity) for entity in entities}
    assert {ref for ref in wanted if found.get(ref) != wanted[ref]} == set(), [
        (wanted[ref], found.get(ref)) for ref in wanted if found.get(ref) != wanted[ref]
    ][:1]
    made = {p.ref: p.entity["kind"] for p in plan.entities if not p.rows and p.entity is not None}
    assert set(found) == set(wanted) | set(made)
    assert set(made.values()) <= {"Group", "User", "System", "Domain"}, (
        "nothing is made but owners, systems and domains that the catalog names and does not have"
    )


SHOP = [
    group("team-a", metadata={"title": "Team A"}), group("parent", children=("team-a",)),
    user_entity("ada", member_of=("team-a",), display_name="Ada Lovelace", email="ada@acme.example"),
    domain("commerce", owner="team-a"), system("shop", owner="group:default/team-a", domain="commerce"),
    resource("db", type="database", owner="user:default/ada"),
    api("pay-api", owner="team-a", definition="openapi: 3.1.0\ninfo:\n  title: Pay\n"),
    template("new-service", owner="team-a", steps=[{"id": "a", "action": "debug:log", "input": {"message": "=1"}}]),
    component(
        "pay", owner="team-a", system="shop", dependsOn=["resource:default/db", "component:default/web"], providesApis=["pay-api"],
        consumesApis=["other/api-1"], subcomponentOf="web",
        metadata={
            "title": "=Payments", "description": "Takes money.\n\nSlowly, \"safely\"; 1 | 2.\n", "tags": ["java", "pci"],
            "labels": {"acme.example/tier": "1", "zone": "eu"},
            "annotations": {"github.com/project-slug": "acme/pay", "callboard.dev/chat-channel": "#pay", "example.com/n": "007"},
            "links": [{"url": "https://x.example/a?b=c", "title": "Runbook"}, {"url": "https://y.example"}],
        },
    ),
    component(
        "web", owner="team-a", type="website", lifecycle="experimental", namespace="other",
        metadata={"title": "'quoted", "links": [{"url": "https://z.example", "title": "Icons", "icon": "web", "type": "ui"}], "tags": []},
    ),
    component("total", owner="group:default/elsewhere", flag=True, port=8080, empty="", nested={"a": {"b": [1, None]}}),
]  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_an_export_of_every_kind_imports_as_it_was(form: str) -> None:
    """Owners as they were written, fields of every type, links with icons, texts like formulas; no default lands on what has none."""
    compare(SHOP, form)


async def exported(site: Any, form: str) -> bytes:
    """All that the portal holds but Locations, as its CSV or XLSX export."""
    query = EntityQuery(Negation(has_value("kind", ["location"])), by_ref=True)
    with await Table.of(site.queries.iter_raw(query, actor=SYSTEM)) as table:
        return b"".join(table.iter_csv() if form == "csv" else table.iter_xlsx())


def only_blanks(change: Mapping[str, Any]) -> bool:
    """Whether a text differs by nothing but what no cell holds: blanks and line feeds at its ends."""
    before, after = change.get("from"), change.get("to")
    return isinstance(before, str) and isinstance(after, str) and before.strip() == after.strip()


@pytest.mark.anyio
@pytest.mark.parametrize("form", FORMS)
async def test_an_exported_catalog_stands_again_in_another_portal(form: str, world: World) -> None:
    """Through upload, guess, plan and apply. Brought back to where it came from, the file has nothing to change."""
    world.write("all.yaml", *SHOP)
    async with world.site("all.yaml") as site:
        content = await exported(site, form)
        before = await site.snapshot()
        desk = Desk(site)
        planned = await desk.entities((await desk.planned(content, f"catalog.{form}", columns=None)).id)
        assert [(p.ref, d) for p in planned if p.rows for d in p.diff if not only_blanks(d)] == []
    async with world.beside().site() as site:
        await Desk(site).bring_in(content, f"catalog.{form}", columns=None)
        after = await site.snapshot()
    wanted = {ref: told(entity) for ref, entity in before.items() if not ref.startswith("location:")}
    assert {ref: told(after[ref]) for ref in wanted} == wanted


@pytest.mark.parametrize("form", FORMS)
def test_real_catalogs_import_as_they_were(form: str, shared: Path) -> None:
    """Each file of the corpus by itself: all of its valid documents but Locations, those with texts too long for a cell aside."""
    compared = 0
    for path in sorted((shared / "corpus" / "catalog").glob("*.yaml"))[:: 1 if form == "csv" else 10]:
        if entities := valid_entities(path):
            compare(entities, form)
            compared += len(entities)
    assert compared > (150 if form == "csv" else 15)


def valid_entities(path: Path) -> list[dict[str, Any]]:
    """What of the file would stand in a catalog, once each, and fits into cells."""
    validator = EntityValidator(KindRegistry.built_in())
    found: dict[str, dict[str, Any]] = {}
    for document in iter_documents(path.read_bytes()):
        value = document.value
        if document.problem is not None or validator.find_envelope_problem(value) is not None:
            continue
        value["metadata"].setdefault("namespace", "default")
        ref = str(EntityRef.of(value))
        if value["kind"] != "Location" and not validator.validate(value, ref)[1] and len(str(value)) < LONGEST:
            found.setdefault(ref, value)
    return list(found.values())
