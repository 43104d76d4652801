"""Groups as a tree and systems as drawings: every group stands once, circles end, and what there is no room for is counted."""

from __future__ import annotations

from typing import Any, Sequence

from hypothesis import given
from hypothesis import strategies as st

from callboard.features.catalog.explore.organisation import Branch, Organisation
from callboard.features.catalog.explore.pages import field_rows, template_forms, template_steps
from callboard.features.catalog.explore.systems import MAX_INSIDE, around_domain, around_system, edges_of, homes_of
from callboard.features.catalog.graph.domain import USUAL_TYPES, Edge
from callboard.model.relations import Relation
from callboard.ui.messages import Messages

T = Messages.load(["callboard.ui", "callboard.features.catalog"]).translator()


def group(name: str, *parents: str) -> dict[str, Any]:
    relations = [{"type": "childOf", "targetRef": f"group:default/{parent}"} for parent in parents]
    return {"kind": "Group", "metadata": {"name": name, "namespace": "default"}, "spec": {}, "relations": relations}


def organisation(*groups: tuple[str, ...]) -> Organisation:
    return Organisation.of([group(*given) for given in groups], {"group:default/a": 3}, {})


def refs(*names: str) -> list[str]:
    return [f"group:default/{name}" for name in names]


def flat(branches: Sequence[Branch]) -> list[str]:
    return [ref for branch in branches for ref in (branch.group.ref, *flat(branch.children))]


def test_groups_stand_below_their_parents() -> None:
    """Roots with others below come first; what nobody may see is no parent; a group with two parents stands once."""
    org = organisation(("alone",), ("a",), ("b", "a"), ("c", "b", "a"), ("d", "hidden"))
    assert org.roots == refs("a", "alone", "d")
    assert org.groups["group:default/a"].members == 3
    assert sorted(flat(org.tree(org.roots))) == refs("a", "alone", "b", "c", "d")
    assert org.below("group:default/a") == refs("b", "c")
    assert org.above("group:default/c") == refs("b", "a")
    assert org.way_up("group:default/c") == refs("b", "a")


def test_circles_end() -> None:
    """Groups that are each other's parents begin at the first by name, and every walk comes back."""
    org = organisation(("x", "z"), ("y", "x"), ("z", "y"), ("own", "own"))
    assert org.roots == refs("x", "own")
    assert flat(org.tree(org.roots)) == refs("x", "y", "z", "own")
    assert org.below("group:default/x") == refs("y", "z")
    assert org.way_up("group:default/x") == refs("z", "y")


def test_a_tree_is_bounded_and_counts_what_it_leaves_out() -> None:
    """By depth and by number; searching keeps the way to what fits."""
    org = organisation(("top",), *((f"g{n}", "top") for n in range(20)), ("leaf", "g7"))
    (top,) = org.tree(org.roots, most=6)
    assert (len(top.children), top.hidden) == (5, 15)
    (top,) = org.tree(org.roots, depth=1)
    assert sum(child.hidden for child in top.children) == 1
    found = org.find("LEA")
    (top,) = org.tree(org.roots, only=found | set(org.above(*found)), matches=found)
    assert flat([top]) == refs("top", "g7", "leaf")
    assert top.hidden == 0 and top.children[0].children[0].is_match


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=30))
def test_any_relations_give_a_tree_of_all_groups(pairs: list[tuple[int, int]]) -> None:
    """Whatever people write, each group is in the tree, once."""
    parents: dict[int, list[str]] = {n: [] for n in range(10)}
    for child, parent in pairs:
        parents[child].append(f"g{parent}")
    org = Organisation.of([group(f"g{n}", *found) for n, found in parents.items()], {}, {})
    assert sorted(flat(org.tree(org.roots))) == sorted(org.groups)


def relation(source: str, type: str, target: str) -> Relation:
    return Relation(source, type, target)


def test_a_system_is_drawn_with_what_is_around_it() -> None:
    """Parts in columns by kind; outside the systems that others belong to, or they themselves; who depends on it is counted."""
    api, shop, cache = "api:default/pay", "component:default/shop", "resource:default/cache"
    outside, lone = "component:default/app", "component:default/lone"
    relations = [
        relation(shop, "dependsOn", cache), relation(cache, "dependencyOf", shop), relation(api, "apiProvidedBy", shop),
        relation(outside, "consumesApi", api), relation(api, "apiConsumedBy", outside), relation(shop, "dependsOn", lone),
        relation(shop, "ownedBy", "group:default/team"), relation(shop, "partOf", "system:default/here"),
    ]  # fmt: skip
    edges = edges_of(relations, USUAL_TYPES)
    assert {edge.type for edge in edges} == {"dependsOn", "apiProvidedBy", "consumesApi"}
    homes = homes_of(
        [relation(outside, "partOf", "component:default/big"), relation(outside, "partOf", "system:default/mobile")]
    )
    around = around_system([api, shop, cache], edges, homes)
    assert {ref: place.layer for ref, place in around.graph.places.items()} == {
        api: 0, shop: 1, cache: 2, "system:default/mobile": -1, lone: 3,
    }  # fmt: skip
    assert around.askers == {"system:default/mobile": 1}
    assert Edge("system:default/mobile", "consumesApi", api, 1) in around.graph.edges


def test_a_large_system_is_drawn_in_part() -> None:
    """Those with most relations, and the number of the others."""
    parts = [f"component:default/c{n:03}" for n in range(100)]
    edges = [Edge(part, "dependsOn", parts[0], 1) for part in parts[1:]]
    around = around_system(parts, edges, {})
    assert (len(around.inside), around.omitted) == (MAX_INSIDE, 100 - MAX_INSIDE)
    assert parts[0] in around.inside


def test_a_domain_is_drawn_with_its_systems() -> None:
    """Who asks stands to the left of who is asked, also where they ask each other."""
    a, b, c, out = (f"system:default/{name}" for name in ("a", "b", "c", "out"))
    around = around_domain([a, b, c], {(a, b): 2, (b, c): 1, (c, b): 1, (out, a): 4})
    layers = {ref: place.layer for ref, place in around.graph.places.items()}
    assert layers[out] == -1 and layers[a] == 0 and layers[b] > layers[a]
    assert around.askers == {out: 4}


def test_fields_of_own_kinds_have_the_labels_of_their_schema() -> None:
    """In its order, what it does not know behind; lists, mappings and addresses as what they are."""
    schema = {
        "properties": {"tier": {"title": "Service tier", "description": "1 is gold"}, "on_call": {"type": "object"}}
    }
    spec = {
        "runbooks": ["a", "b"],
        "on_call": {"phoneNumber": 7},
        "tier": 1,
        "site": "https://x.example",
        "none": None,
        "bad": "javascript:x",
    }
    rows = field_rows(spec, schema)
    assert [(row.label, list(row.values), row.href) for row in rows if not row.inner] == [
        ("Service tier", ["1"], None), ("Runbooks", ["a", "b"], None), ("Site", ["https://x.example"], "https://x.example"),
        ("Bad", ["javascript:x"], None),
    ]  # fmt: skip
    assert [(row.label, row.inner[0].label) for row in rows if row.inner] == [("On call", "Phone number")]
    assert rows[0].help == "1 is gold"


def test_templates_of_any_shape_are_told() -> None:
    """Pages of the form with their fields, steps with their actions; nonsense is passed over."""
    spec = {"parameters": [{"title": "Name it", "required": ["name"], "properties": {"name": {"type": "string"}, "x": 3}}, 7],
            "steps": [{"id": "fetch", "action": "fetch:template"}, "no"]}  # fmt: skip
    ((title, fields),) = template_forms({"spec": spec}, T)
    assert (title, [(f.label, f.type, f.is_required) for f in fields]) == ("Name it", [("Name", "string", True)])
    assert template_steps({"spec": spec}) == [("fetch", "fetch:template")]
    assert template_forms({"spec": {"parameters": "x"}}, T) == [] and template_steps({"spec": None}) == []
