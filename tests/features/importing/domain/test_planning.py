"""What rows become: fields, defaults, repeats, refusals, comparison with what stands, and the same plan every time."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callboard.features.importing.domain import guess_columns, mapping_from, plan_table, wanted_refs
from callboard.features.importing.interface import Row, SheetMapping, Standing, Surroundings, Table
from callboard.testing import component
from tests.features.importing.domain.tables import after, by_ref, judge, mapping, only, plan, table

PEOPLE = {"group:default/money": ["money"]}


def one(columns: str, row: str, *meanings: str, **defaults: Any) -> dict[str, Any]:
    """The entity of a single row, whose owner is ``group:default/money`` unless the row says so itself."""
    defaults.setdefault("owner", "money")
    done = plan(table(columns, row), mapping(*meanings, **defaults), people=PEOPLE)
    entity = done.entities[0].entity
    assert entity is not None, done.entities[0].reason
    return dict(entity)


# ---- fields ------------------------------------------------------------------------------------------------------------


def test_every_role_has_its_place_in_the_entity() -> None:
    """One row with everything: each cell is told with the field that it went to."""
    columns = "Name|Title|About|Team|Type|State|Product|Repo|Docs|Tags|Slack|Needs|Gives|Takes|Cost|Tier|Parent"
    row = (
        "pay|Pay Me|Takes payments|Money|Service|live|Check Out|https://github.com/acme/pay|https://docs.example/pay|Java, C#"
        "|#pay|shop; db:x|pay-api|shop-api|00123|Gold Plus|big-pay"
    )
    sheet = table(columns, row, "shop" + "|" * 16)
    meaning = mapping(
        "Name=name", "Title=title", "About=description", "Team=owner", "Type=type", "State=lifecycle", "Product=system",
        "Repo=repository", "Docs=link:Handbook", "Tags=tags", "Slack=chat", "Needs=depends_on", "Gives=provides_apis",
        "Takes=consumes_apis", "Cost=annotation:acme.io/cost", "Tier=label:tier", "Parent=field:spec.subcomponentOf",
        owner="money",
    )  # fmt: skip
    pay = plan(sheet, meaning, people=PEOPLE).entities[0]
    assert pay.entity == {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {
            "name": "pay", "namespace": "default", "title": "Pay Me", "description": "Takes payments",
            "labels": {"tier": "Gold-Plus"},
            "annotations": {
                "backstage.io/source-location": "url:https://github.com/acme/pay/",
                "github.com/project-slug": "acme/pay",
                "callboard.dev/chat-channel": "#pay",
                "acme.io/cost": "00123",
            },
            "tags": ["java", "c#"],
            "links": [{"url": "https://docs.example/pay", "title": "Handbook"}],
        },
        "spec": {
            "owner": "group:default/money", "type": "service", "lifecycle": "production", "system": "check-out",
            "subcomponentOf": "big-pay", "dependsOn": ["component:default/shop", "db:x"], "providesApis": ["pay-api"],
            "consumesApis": ["shop-api"],
        },
    }  # fmt: skip
    assert [cell.column for cell in pay.cells] == list(sheet.columns)
    told = {cell.column: (cell.state, cell.path) for cell in pay.cells}
    assert told["Title"] == ("taken", "metadata.title")
    assert told["Tier"] == ("cleaned", "metadata.labels.tier")
    assert told["State"] == ("cleaned", "spec.lifecycle")
    assert told["Parent"] == ("taken", "spec.subcomponentOf")
    assert all(cell.note for cell in pay.cells if cell.state == "rejected")


def test_defaults_stand_where_a_row_says_nothing() -> None:
    """Of the mapping for its own kind, of the kind itself for others."""
    spec = one("n", "pay", "n=name", type="tool", lifecycle="experimental")["spec"]
    assert spec == {"type": "tool", "lifecycle": "experimental", "owner": "group:default/money"}
    kinds = {
        "API": {"type": "openapi", "lifecycle": "production", "definition": "No definition has been given yet.\n"},
        "Resource": {"type": "other"},
        "System": {},
        "Domain": {},
    }
    for kind, fields in kinds.items():
        assert one("n|k", f"pay|{kind}", "n=name", "k=kind")["spec"] == {**fields, "owner": "group:default/money"}
    assert one("n|k", "pay|Team", "n=name", "k=kind")["spec"] == {"type": "team", "children": []}
    assert one("n|k", "ada|User", "n=name", "k=kind")["spec"] == {"memberOf": []}


def test_an_api_without_a_definition_says_so() -> None:
    """It is made, with a line in place of the definition, and the plan tells of it."""
    done = plan(table("n|k|o", "pay|API|money"), mapping("n=name", "k=kind", "o=owner"), people=PEOPLE)
    assert only(done, "API").action == "create"
    assert "No definition" in only(done, "API").reason


@pytest.mark.parametrize("nothing", ["", "-", "n/a", "TBD", "unknown"])
def test_words_for_nothing_leave_the_field_alone(nothing: str) -> None:
    """Empty for every role, and told where something stood in the cell."""
    done = plan(
        table("n|d|t|u", f"pay|{nothing}|{nothing}|{nothing}"),
        mapping("n=name", "d=description", "t=type", "u=link", owner="money"),
        people=PEOPLE,
    )
    entity = only(done).entity
    assert entity is not None
    assert set(entity["metadata"]) == {"name", "namespace"}
    cells = [cell for cell in only(done).cells if cell.column != "n"]
    assert all(cell.state == "empty" and bool(cell.note) == bool(nothing) for cell in cells)


def test_names_that_were_rewritten_keep_their_text_as_title() -> None:
    """Of an address only the part that is the name counts; a title column goes before."""
    assert one("n", "Payments API", "n=name")["metadata"] == {"name": "payments-api", "namespace": "default", "title": "Payments API"}  # fmt: skip
    assert "title" not in one("n", "https://github.com/acme/pay", "n=name")["metadata"]
    assert one("n|t", "Payments API|Pay", "n=name", "t=title")["metadata"]["title"] == "Pay"


def test_refs_in_a_name_column_give_the_name() -> None:
    """``component:default/pay`` is called pay."""
    assert one("n", "component:default/pay", "n=name")["metadata"]["name"] == "pay"


def test_kinds_imply_types() -> None:
    """A row that is a ``Database`` is a resource of that type, unless the row has a type."""
    assert one("n|k", "x|Database", "n=name", "k=kind")["spec"]["type"] == "database"
    assert one("n|k|t", "x|Database|postgres", "n=name", "k=kind", "t=type")["spec"]["type"] == "postgres"


def test_spellings_of_one_type_become_one() -> None:
    """The most frequent one wins; words of the field are written as the field does."""
    sheet = table("n|t", "a|Batch job", "b|batch job", "c|Batch job", "d|Service", "e|SERVICE")
    done = plan(sheet, mapping("n=name", "t=type", owner="money"), people=PEOPLE)
    assert [e.entity["spec"]["type"] for e in done.entities if e.entity] == ["Batch job"] * 3 + ["service"] * 2


def test_dependencies_find_the_kind_of_the_row_they_name() -> None:
    """By name or by what stands in the sheet; of what the sheet does not name a component is assumed, and told."""
    sheet = table(
        "n|k|d", "pay|Component|Pay DB, pay api, elsewhere, resource:other/q", "Pay DB|Resource|", "pay-api|API|"
    )
    done = plan(sheet, mapping("n=name", "k=kind", "d=depends_on", owner="money"), people=PEOPLE)
    pay = only(done)
    assert pay.entity is not None
    assert pay.entity["spec"]["dependsOn"] == [
        "resource:default/pay-db", "api:default/pay-api", "component:default/elsewhere", "resource:other/q",
    ]  # fmt: skip
    (cell,) = [cell for cell in pay.cells if cell.column == "d"]
    assert "no row is called elsewhere" in cell.note


def test_a_repository_without_an_address_is_kept_and_told() -> None:
    """A slug without a host is an annotation; with the host it is the source."""
    kept = one("n|r", "pay|acme/pay", "n=name", "r=repository")
    assert kept["metadata"]["annotations"] == {"callboard.dev/repository": "acme/pay"}
    found = one("n|r", "pay|acme/pay", "n=name", "r=repository", repository_host="https://gitlab.com")
    assert found["metadata"]["annotations"] == {
        "backstage.io/source-location": "url:https://gitlab.com/acme/pay/",
        "gitlab.com/project-slug": "acme/pay",
    }


def test_scripts_are_no_links_anywhere() -> None:
    """The entity comes in without the link, the cell is rejected with a reason."""
    done = plan(
        table("n|u|r", "pay|javascript:alert(1)|data:text/html,x"),
        mapping("n=name", "u=link", "r=repository", owner="money"),
    )
    cells = {cell.column: cell for cell in only(done).cells}
    entity = only(done).entity
    assert entity is not None
    assert "links" not in entity["metadata"]
    assert cells["u"].state == "rejected" and "no address" in cells["u"].note
    assert entity["metadata"]["annotations"] == {"callboard.dev/repository": "data:text/html,x"}


def test_fields_take_json_and_text() -> None:
    """Lists of refs may be written with commas; what names and the catalog say is not for a field."""
    entity = one(
        "n|k|c|p|a|m", 'shop|Group|pay, ledger|{"displayName":"Shop"}|true|other', "n=name", "k=kind",
        "c=field:spec.children", "p=field:spec.profile", "a=field:spec.active", "m=field:metadata.name",
    )  # fmt: skip
    assert entity["spec"] == {
        "children": ["pay", "ledger"],
        "profile": {"displayName": "Shop"},
        "active": True,
        "type": "team",
    }
    assert entity["metadata"]["name"] == "shop"


def test_equal_json_cells_do_not_share_what_they_hold() -> None:
    """What one row adds to a mapping does not show in another row with the same JSON."""
    sheet = table("n|p|e", 'a|{"x":{"y":1}}|one', 'b|{"x":{"y":1}}|')
    done = plan(sheet, mapping("n=name", "p=field:spec", "e=field:spec.x.z", owner="money"), people=PEOPLE)
    specs = [e.entity["spec"]["x"] for e in done.entities if e.entity]
    assert specs == [{"y": 1, "z": "one"}, {"y": 1}]


def test_further_owners_are_kept() -> None:
    """An entity has one owner: the first; the cell tells, and the others are an annotation."""
    entity = one("n|o", "pay|money, sales", "n=name", "o=owner")
    assert entity["spec"]["owner"] == "group:default/money"
    assert entity["metadata"]["annotations"] == {"callboard.dev/further-owners": "sales"}


def test_a_user_is_member_of_the_team_in_its_row() -> None:
    """People have no owner."""
    assert one("n|k|o", "ada|Person|Money", "n=name", "k=kind", "o=owner")["spec"] == {
        "memberOf": ["group:default/money"]
    }


def test_groups_of_the_sheet_own_its_rows() -> None:
    """A row that is a group is found by the rows that it owns, and not made a second time."""
    done = plan(table("n|k|o", "pay|Component|Team Money", "Money|Group|"), mapping("n=name", "k=kind", "o=owner"))
    assert set(by_ref(done)) == {"component:default/pay", "group:default/money"}
    assert not done.owners[0].is_new


# ---- rows that are refused or repeated -------------------------------------------------------------------------------------


def test_rows_without_a_name_are_told() -> None:
    """Under the empty ref, each with its row and reason."""
    done = plan(table("n|o", "|money", "---|money", "!!|money"), mapping("n=name", "o=owner"), people=PEOPLE)
    assert [(e.ref, e.action, e.rows) for e in done.entities] == [("", "rejected", (n,)) for n in (2, 3, 4)]
    assert done.entities[0].reason == "No name stands in n"
    assert "no letter" in done.entities[2].reason


def test_rows_without_an_owner_are_told() -> None:
    """With what to do about it; a chosen owner lets them in."""
    sheet = table("n|o", "pay|", "shop|money")
    done = plan(sheet, mapping("n=name", "o=owner"), people=PEOPLE)
    assert [(e.action, e.rows) for e in done.entities] == [("rejected", (2,)), ("create", (3,))]
    assert "choose an owner" in done.entities[0].reason
    assert plan(sheet, mapping("n=name", "o=owner", owner="money"), people=PEOPLE).counts["create"] == 2


def test_what_the_catalog_refuses_is_told_in_its_words() -> None:
    """The judgement of the validator is the reason."""
    done = plan(table("n|k", "pay|Widget"), mapping("n=name", "k=kind", owner="money"), people=PEOPLE)
    assert done.entities[0].action == "rejected"
    assert "Widget" in str(done.entities[0].entity) and done.entities[0].reason


def test_rows_that_say_the_same_are_one_entity() -> None:
    """Both rows are named, and what only one of them says is taken from it; lists are put together."""
    sheet = table("n|d|t", "Pay API|Takes money|a", "pay-api||b", "pay-api|Takes money|a")
    done = plan(sheet, mapping("n=name", "d=description", "t=tags", owner="money"), people=PEOPLE)
    pay = only(done)
    assert pay.rows == (2, 3, 4)
    assert pay.entity is not None
    assert (pay.entity["metadata"]["description"], pay.entity["metadata"]["tags"]) == ("Takes money", ["a", "b"])
    assert [cell.row for cell in pay.cells] == [2, 2, 2, 3, 3, 3, 4, 4, 4]


def test_a_row_that_contradicts_another_is_told() -> None:
    """The first one counts; the other is refused under the same ref, with row and field."""
    sheet = table("n|d", "pay|One thing", "PAY|Another")
    done = plan(sheet, mapping("n=name", "d=description", owner="money"), people=PEOPLE)
    assert [(e.ref, e.action, e.rows) for e in done.entities] == [
        ("component:default/pay", "create", (2,)),
        ("component:default/pay", "rejected", (3,)),
    ]
    assert "Row 2" in done.entities[1].reason
    assert "metadata.description" in done.entities[1].reason


def test_a_second_name_tells_rows_apart() -> None:
    """Only rows that have one and share the first; a second name that is not needed is the title."""
    sheet = table("repo|app", "mono|Web App", "mono|api", "mono|", "solo|Only")
    done = plan(sheet, mapping("repo=name", "app=name", owner="money"), people=PEOPLE)
    found = {e.entity["metadata"]["name"]: e.entity["metadata"].get("title") for e in done.entities if e.entity}
    assert found == {"web-app": "Web App", "api": None, "mono": None, "solo": "Only"}


def test_names_of_other_kinds_and_namespaces_do_not_meet() -> None:
    """A ref has kind and namespace in it."""
    sheet = table("n|k|ns", "pay|Component|", "pay|API|", "pay|Component|Shop")
    done = plan(sheet, mapping("n=name", "k=kind", "ns=namespace", owner="group:default/money"), people=PEOPLE)
    assert set(by_ref(done)) == {"component:default/pay", "api:default/pay", "component:shop/pay"}


@settings(deadline=None)
@given(
    st.lists(st.tuples(*[st.sampled_from(["", "a", "A b", "#x", "https://e.x/y", "false", "a, b", "ü", "=1", "{}"])] * 4), max_size=12)
)  # fmt: skip
def test_no_row_is_ever_lost(rows: list[tuple[str, ...]]) -> None:
    """Whatever stands in the cells, each row is in an entity or refused with a reason, and nothing invalid is planned."""
    sheet = table("Name|Team|URL|Depends on", *rows)
    done = plan(sheet, mapping("Name=name", "Team=owner", "URL=link", "Depends on=depends_on"))
    assert sorted(n for e in done.entities for n in e.rows) == [row.number for row in sheet.rows]
    for entity in done.entities:
        assert entity.reason if entity.action == "rejected" else judge(dict(entity.entity or {})) == []
    assert sum(done.counts.values()) == len(done.entities)


# ---- against what stands ---------------------------------------------------------------------------------------------------


def test_what_the_source_gave_before_is_changed_field_by_field() -> None:
    """The difference goes from what stands to what the sheet says; what the catalog adds does not count."""
    standing = component("pay", owner="group:default/money", metadata={"description": "Old", "uid": "1", "etag": "2"})
    standing["metadata"]["annotations"] = {
        "backstage.io/managed-by-location": "sheet:x",
        "backstage.io/view-url": "https://x",
    }
    standing["relations"] = [{"type": "ownedBy", "targetRef": "group:default/money"}]
    around: dict[str, Any] = {
        "standing": {"component:default/pay": Standing("component:default/pay", standing)},
        "people": PEOPLE,
    }
    sheet = table("n|d", "pay|New")
    pay = only(plan(sheet, mapping("n=name", "d=description", owner="money"), **around))
    assert pay.action == "change"
    assert pay.diff == ({"op": "replace", "path": "/metadata/description", "from": "Old", "to": "New"},)
    same = only(plan(table("n|d", "pay|Old"), mapping("n=name", "d=description", owner="money"), **around))
    assert (same.action, same.diff) == ("unchanged", ())


def test_what_another_source_gives_is_a_conflict() -> None:
    """It names the source and shows the difference; where both say the same nothing is to be done."""
    ref = "component:default/pay"
    standing = {ref: Standing(ref, component("pay", owner="group:default/money"), "url:https://git.example/pay")}
    meaning = mapping("n=name", "t=type", owner="group:default/money")
    other = only(plan(table("n|t", "pay|website"), meaning, standing=standing, people=PEOPLE))
    assert other.action == "conflict"
    assert "url:https://git.example/pay" in other.reason
    assert [change["path"] for change in other.diff] == ["/spec/type"]
    same = only(plan(table("n|t", "pay|service"), meaning, standing=standing, people=PEOPLE))
    assert same.action == "unchanged"
    assert "url:https://git.example/pay" in same.reason


def test_what_the_sheet_no_longer_names_leaves() -> None:
    """Entities and groups that only it gave; what a refused row names stays as it is."""
    sheet = table("n|o|d", "pay|Money|", "shop|Sales|", "mail|Money|")
    meaning = mapping("n=name", "o=owner", "d=description")
    first = plan(sheet, meaning)
    assert set(after(first)["given"]) == {
        "component:default/pay", "component:default/shop", "component:default/mail", "group:default/money", "group:default/sales",
    }  # fmt: skip
    later = plan(table("n|o|d", "pay|Money|", "mail||"), meaning, **after(first))
    assert later.leaving == ("component:default/shop", "group:default/sales")
    assert later.counts == {"create": 0, "change": 0, "unchanged": 2, "conflict": 0, "rejected": 1}


def test_refs_that_a_plan_asks_for_are_known_before() -> None:
    """Rows by each of their names, owners that may be made: all that a plan in an empty catalog makes is in it."""
    sheet = table("repo|app|o", "mono|Web App|#money", "mono|api|Ada <ada@example.org>", "solo||")
    meaning = mapping("repo=name", "app=name", "o=owner", owner="Fall Back")
    wanted = wanted_refs(sheet, meaning)
    assert set(by_ref(plan(sheet, meaning))) <= wanted
    assert {"component:default/mono", "group:default/fall-back", "user:default/ada"} <= wanted


def test_a_chosen_owner_is_taken_for_every_row_that_says_it() -> None:
    """The mapping of the sheet keeps what a person decided."""
    meaning = mapping("n=name", "o=owner", owner_refs={"the boss": "user:default/ada"})
    done = plan(table("n|o", "pay|The Boss", "shop|the boss"), meaning, people={"user:default/ada": ["ada"]})
    assert {e.entity["spec"]["owner"] for e in done.entities if e.entity} == {"user:default/ada"}


# ---- the plan itself -------------------------------------------------------------------------------------------------------


def test_a_plan_is_the_same_every_time_and_tells_when_it_is_not() -> None:
    """Equal input gives equal plans; a digest changes with an entity, an owner, a refusal or a row that leaves."""
    sheet = table("n|o", "pay|Money", "shop|Sales")
    meaning = mapping("n=name", "o=owner")
    digests = {
        plan(sheet, meaning).digest,
        plan(table("n|o", "pay|Money", "shop|Post"), meaning).digest,
        plan(table("n|o", "pay|Money", "shop|"), meaning).digest,
        plan(sheet, meaning, people=PEOPLE).digest,
        plan(sheet, meaning, given=frozenset(["component:default/old"])).digest,
        plan(sheet, mapping("n=name", "o=owner", type="tool")).digest,
    }
    assert len(digests) == 6
    assert plan(sheet, meaning) == plan(sheet, meaning)


def test_progress_goes_from_nothing_to_all() -> None:
    """Never back, and with the number of rows."""
    sheet = table("n", *[f"s{n}" for n in range(1_200)])
    told: list[tuple[int, int]] = []
    plan_table(
        sheet, mapping("n=name", owner="x"), Surroundings(), validate=judge, progress=lambda d, t: told.append((d, t))
    )
    assert [done for done, _total in told] == sorted(done for done, _total in told)
    assert told[0] == (0, 1_200) and told[-1] == (1_200, 1_200)
    assert len(told) > 4


def test_a_sheet_without_rows_is_an_empty_plan() -> None:
    """Everything that the source gave leaves."""
    done = plan(table("n|o"), SheetMapping(()), given=frozenset(["component:default/old"]))
    assert (done.entities, done.owners, done.leaving) == ((), (), ("component:default/old",))


def test_a_sheet_that_the_catalog_wrote_is_taken_to_the_letter() -> None:
    """Its headers map themselves; nothing is cleaned, unified or taken for nothing, and paths hold JSON."""
    columns = (
        "kind|namespace|name|title|description|owner|type|lifecycle|system|domain|tags|depends_on|provides_apis|consumes_apis"
        "|link:Docs|label:tier|annotation:x.io/y|apiVersion|spec|spec.members|metadata.links"
    )
    rows = [
        'Component|other|Pay|none|- a\n- b|Team-A|Service|live|Sys||a,b|api:x||||none|-||||[{"url":"https://x","icon":"i"}]',
        'Component|default|shop||||service||||||||||||{"owner":"Team-A","lifecycle":5}||',
        'Group|default|g||||Team||||||||||||{"children":[]}|["jane"]|',
    ]
    sheet = table(columns.split("|"), *[row.split("|") for row in rows])
    guessed = mapping_from(guess_columns(sheet))
    done = plan_table(sheet, guessed, Surroundings(), validate=lambda entity: [])
    pay, shop, team = (e.entity for e in done.entities[:3])
    assert pay is not None and shop is not None and team is not None
    assert pay["metadata"] == {
        "name": "Pay", "namespace": "other", "title": "none", "description": "- a\n- b", "labels": {"tier": "none"},
        "annotations": {"x.io/y": "-"}, "tags": ["a", "b"], "links": [{"url": "https://x", "icon": "i"}],
    }  # fmt: skip
    assert pay["spec"] == {
        "owner": "Team-A",
        "type": "Service",
        "lifecycle": "live",
        "system": "Sys",
        "dependsOn": ["api:x"],
    }
    assert shop["spec"] == {"owner": "Team-A", "type": "service", "lifecycle": 5}
    assert team["spec"] == {"type": "Team", "children": [], "members": ["jane"]}
    assert "group:other/team-a" in by_ref(done)


@pytest.mark.soak
def test_twenty_thousand_rows_are_planned() -> None:
    """With sixteen columns, dependencies and owners; how long it takes is measured by ``bench/sheets.py``."""
    rows = tuple(
        Row(n, (
            f"Service {n:05d}", f"#team-{n % 300}", "Service" if n % 3 else "service", "live", f"https://github.com/acme/s-{n}",
            f"https://s{n}.example.org", "false", f"Does thing {n}\nand more", "java, kotlin", f"Service {n // 2:05d}", "Shop",
            str(n % 3), "", f"2026-01-{n % 28 + 1:02d}", f"#s-{n}", "x",
        ))
        for n in range(2, 20_002)
    )  # fmt: skip
    columns = (
        "Service|Team|Type|Status|Repo|URL|Dashboard|Description|Tags|Depends on|System|Tier|Notes|Updated|Slack|Used"
    )
    sheet = Table("large", 1, tuple(columns.split("|")), rows)
    done = plan(sheet)
    assert done.counts["create"] == 20_301  # with the owners and the system "Shop"
    assert done.counts["rejected"] == 0


@pytest.mark.parametrize(
    "text",
    [
        "1" * 9_000 + "x", "#" + "a" * 9_000 + "!", "a" + " " * 9_000 + "b", "x\n " * 3_000, "a@" + "a." * 4_000, "," * 9_000,
        "[" * 9_000, "https://" + "a," * 4_000, '{"a":' * 1_500, "/a" * 4_000, "-" * 9_000, "( " * 4_000,
    ],
    ids=range(12),
)  # fmt: skip
def test_hostile_cells_take_no_longer_than_others(text: str) -> None:
    """Long runs of one thing in every role and header: no pattern looks at them again and again."""
    import time

    columns = ["Name", "Team", "Repo", "URL", "Tags", "Slack", "Depends on", "Type", "Tier", "spec.x", text]
    sheet = table(columns, *[[f"a{n}", *[f"{text}{n}"] * 9, text] for n in range(20)])
    began = time.process_time()
    done = plan(sheet, mapping_from(guess_columns(sheet)))
    everything = mapping(*[f"{c}={r}" for c, r in zip(columns[:9], _EVERY_ROLE, strict=True)])
    plan(sheet, everything)
    assert time.process_time() - began < 4
    assert sorted(n for e in done.entities for n in e.rows) == [row.number for row in sheet.rows]


_EVERY_ROLE = ("name", "owner", "repository", "link", "tags", "chat", "depends_on", "system", "namespace")
