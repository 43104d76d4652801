"""Pages are made from documents of any shape: addresses survive a round trip, and nothing hostile becomes a link."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from callboard.features.catalog.interface import FacetValue, Finding, RawPage
from callboard.features.catalog.pages.columns import ColumnChoice
from callboard.features.catalog.pages.entity import (
    MAX_DEFINITION_BYTES,
    definition_of,
    entity_links,
    overview_fields,
    source_of,
    tabs_of,
    yaml_of,
)
from callboard.features.catalog.pages.findings import finding_view
from callboard.features.catalog.pages.links import (
    display_title,
    entity_href,
    link_to,
    safe_href,
)
from callboard.features.catalog.pages.list_state import ListState, decode_position, encode_position
from callboard.features.catalog.pages.listing import MAX_OPTIONS, facet_of, list_page, pager_of
from callboard.features.catalog.pages.relations import SHOWN, relation_title, relations_page
from callboard.model.predicates import matches, parse_filter_params
from callboard.model.terms import terms_of
from callboard.ui.messages import Messages

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
T = Messages.load(["callboard.ui", "callboard.features.catalog"]).translator()


def document(kind: str = "Component", name: str = "shop", **parts: Any) -> dict[str, Any]:
    """An entity document; ``metadata`` is merged, all else set."""
    metadata = {"name": name, "namespace": "default", **parts.pop("metadata", {})}
    return {"apiVersion": "backstage.io/v1alpha1", "kind": kind, "metadata": metadata, **parts}


def state_of(address: str) -> ListState:
    return ListState.parse(QueryParams(urlsplit(address).query))


WORDS = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Z")), min_size=1, max_size=12)
STATES = st.builds(
    ListState,
    kind=st.none() | st.sampled_from(["component", "api", "runbook"]),
    q=WORDS | st.just(""),
    chosen=st.sets(st.sampled_from(["type", "owner", "tag"])).flatmap(
        lambda names: st.tuples(
            *(
                st.tuples(st.just(n), st.lists(WORDS, min_size=1, max_size=3, unique=True).map(tuple))
                for n in ("type", "owner", "tag")
                if n in names
            )
        )
    ),
    sort=st.sampled_from(["name", "owner", "type", "changed"]),
    descending=st.booleans(),
    size=st.sampled_from([25, 50, 100]),
    after=st.none() | st.just(encode_position(("b", 7))),
    start=st.just(0),
)


@given(STATES)
def test_the_state_of_a_list_survives_its_address(state: ListState) -> None:
    """The address is the state: reading it back gives the same list."""
    path = state.href(after=state.after, before=None, start=state.start)
    assert state_of(path) == state


def test_a_change_of_the_filter_leads_to_the_first_page() -> None:
    """A cursor of other rows would be of no use; a page of the same rows keeps the filter."""
    state = state_of("/catalog?kind=component&type=service&after=abc&start=25&size=50")
    assert parse_qs(urlsplit(state.href(q="pay")).query) == {
        "kind": ["component"], "q": ["pay"], "type": ["service"], "size": ["50"],
    }  # fmt: skip
    assert "type=service" in state.href(after="def", before=None, start=50)


@pytest.mark.parametrize(
    "query", ["size=9999999", "size=x", "sort=evil", "start=-4", "after=%00", "after=e30", "before=!!"]
)
def test_an_address_of_no_sense_gives_the_first_page(query: str) -> None:
    """Nothing in an address is an error; what makes no sense is passed over."""
    found = state_of("/catalog?" + query).query()
    assert (found.after, found.before, found.limit) == (None, None, 25)


@given(st.none() | st.text(max_size=30), st.integers(0, 2**40))
def test_positions_survive_the_address(value: str | None, id: int) -> None:
    """Any order value there may be."""
    try:
        (value or "").encode()
    except UnicodeEncodeError:
        return
    assert decode_position(encode_position((value, id))) == (value, id)


def test_filters_of_one_sort_widen_and_of_two_sorts_narrow() -> None:
    """Two types are either, a type and an owner are both; the JSON link asks for the same."""
    state = state_of("/catalog?kind=component&type=service&type=website&owner=group:default/a&q=Sho")
    entity = document(spec={"type": "website"}, relations=[{"type": "ownedBy", "targetRef": "group:default/a"}])
    terms = terms_of(entity)
    predicate = state.predicate()
    assert predicate is not None and matches(predicate, terms)
    other = state_of("/catalog?type=service&owner=group:default/a").predicate()
    assert other is not None and not matches(other, terms)
    wire = dict(parse_qsl(state.wire_params()))
    asked = parse_filter_params([wire["filter"]])
    assert asked is not None and matches(asked, terms)
    assert wire["fullTextFilterTerm"] == "Sho"


def test_a_facet_puts_the_chosen_first_and_folds_the_many() -> None:
    """Counts order the rest; a value in use stays in sight even when nothing is left of it."""
    values = [FacetValue(f"type-{n:03}", n) for n in range(1, 101)]
    facet = facet_of("type", values, state_of("/catalog?type=gone"), {}, T)
    assert facet is not None
    assert (facet.options[0].title, facet.options[0].selected, facet.options[0].count) == ("gone", True, 0)
    assert facet.options[1].title == "type-100"
    assert "type" not in parse_qs(urlsplit(facet.options[0].href).query)
    assert len(facet.options) + len(facet.more) == MAX_OPTIONS
    assert facet.unlisted == 101 - MAX_OPTIONS
    assert facet_of("type", [], ListState(), {}, T) is None


def test_the_range_is_right_in_the_middle_and_at_both_ends() -> None:
    """What the address carries counts only between the ends, which the page itself knows."""
    middle = RawPage([b""] * 25, 90, ("a", 1), ("b", 2), True, True)
    last = RawPage([b""] * 15, 90, ("a", 1), ("b", 2), False, True)
    first = RawPage([b""] * 25, 90, ("a", 1), ("b", 2), True, False)
    inside = state_of("/catalog?after=W251bGwsMV0&start=25")
    assert [(p.first, p.last) for p in (pager_of(inside, page, T) for page in (first, middle, last))] == [
        (1, 25),
        (26, 50),
        (76, 90),
    ]
    assert pager_of(inside, first, T).previous_href is None
    following = pager_of(inside, middle, T).next_href
    assert following is not None and state_of(following).start == 50


def test_sorting_tells_of_rows_that_it_leaves_out() -> None:
    """Entities without the field of the order are counted, not silently gone."""
    page = RawPage([], 3, None, None, False, False)
    columns = ColumnChoice(lambda kind: None).shown((), None, T)
    made = list_page(state_of("/catalog?sort=-owner"), page, [], [], {}, {}, [], 5, NOW, T, columns=columns)
    assert (made.count, made.without_sort_key) == (5, 2)
    sorted_head = next(c for c in made.columns if c.sorted)
    assert (sorted_head.id, sorted_head.sorted) == ("owner", "desc")


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", " JaVaScRiPt:x", "data:text/html,x", "vbscript:x", "//evil.example", "x", None, 5, {}],
)
def test_only_web_and_mail_addresses_become_links(url: Any) -> None:
    """Every other scheme stays text, in links and annotations alike."""
    assert safe_href(url) is None
    assert entity_links(document(metadata={"links": [{"url": url, "title": "x"}]})) == []
    assert source_of(document(metadata={"annotations": {"backstage.io/edit-url": url}})).edit_href is None


def test_absent_entities_lead_to_the_page_that_says_why() -> None:
    """A ref that resolves to nothing is no dead link; one not looked up is not called absent."""
    absent = link_to("component:default/gone", None)
    assert absent.absent and absent.href == "/catalog/why?asked=component%3Adefault%2Fgone"
    assert not link_to("component:default/x", None, known=False).absent
    assert link_to("no ref at all", None).kind == "unknown"


def test_addresses_are_lower_case_and_encoded() -> None:
    """One page has one address."""
    assert entity_href("Component:Default/My.Shop_1", "yaml") == "/catalog/default/component/my.shop_1/yaml"


@pytest.mark.parametrize(
    ("entity", "title"),
    [
        (document(metadata={"title": " Shop "}), "Shop"),
        (document("User", "ada", spec={"profile": {"displayName": "Ada Lovelace"}}), "Ada Lovelace"),
        (document(spec={"profile": "not a mapping"}, metadata={"title": 5}), "shop"),
        (document(spec=None), "shop"),
        (
            document("Location", "generated-0a1b", spec={"type": "file", "target": "/srv/teams/a.yaml"}),
            "…/teams/a.yaml",
        ),
    ],
)
def test_titles_come_from_the_best_that_is_there(entity: dict[str, Any], title: str) -> None:
    """Title, display name or name, whatever shape the rest has."""
    assert display_title(entity) == title


STRANGE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(spec=STRANGE, labels=STRANGE, description=STRANGE)
def test_any_document_makes_a_page(spec: Any, labels: Any, description: Any) -> None:
    """A kind of one's own may hold anything; the page shows what it can and never breaks."""
    entity = document(
        "Runbook", metadata={"labels": labels, "annotations": labels, "description": description}, spec=spec
    )
    fields = overview_fields(entity, {}, T)
    assert fields["relations"] == []
    assert definition_of(entity) is None or isinstance(spec.get("definition"), str)
    assert yaml_of(entity).html
    assert next(tab.id for tab in tabs_of(entity, "overview", 0, 0, (), {}, T)) == "overview"


def test_ten_thousand_relations_fit_a_page() -> None:
    """The overview shows the first of them and leads to the rest, a hundred at a time."""
    relations = [{"type": "dependsOn", "targetRef": f"component:default/c{n}"} for n in range(10_000)]
    entity = document("Component", relations=relations)
    (group,) = overview_fields(entity, {}, T)["relations"]
    assert (group.count, len(group.links)) == (10_000, SHOWN)
    assert group.more_href == "/catalog/default/component/shop/relations?type=dependson"
    found = relations_page(entity, "dependson", 9_950)
    assert found is not None and len(found[2]) == 50
    assert len(yaml_of(entity).html) < 200_000


def test_a_long_definition_is_cut() -> None:
    """A page stays small whatever an API defines."""
    code = definition_of(document("API", spec={"type": "openapi", "definition": "a: 1\n" * 100_000}))
    assert code is not None
    assert code.truncated_bytes >= 500_000 - MAX_DEFINITION_BYTES


def test_unknown_relations_are_named_by_their_words() -> None:
    """A relation of a plugin reads as it is written."""
    assert relation_title("deployedto", "deployedTo", T) == "Deployed to"
    assert relation_title("haspart", "hasPart", T) == "Has parts"


def test_definitions_without_line_breaks_are_unfolded() -> None:
    """JSON on one line is laid out; what is no JSON after all stays as it is."""
    code = definition_of(document("API", spec={"type": "openapi", "definition": '{"openapi":"3.1.0","paths":{}}'}))
    assert code is not None and code.html.count("\n") == 3
    broken = definition_of(document("API", spec={"type": "openapi", "definition": "{not json"}))
    assert broken is not None and "{not json" in broken.html


def test_findings_link_to_the_line_only_on_the_web() -> None:
    """A path on the server is text."""
    assert (
        finding_view(Finding("error", "parse", "x", file="https://x.example/a.yaml", line=3), NOW, T).file_href
        == "https://x.example/a.yaml#L3"
    )
    assert finding_view(Finding("error", "parse", "x", file="/srv/a.yaml", line=3), NOW, T).file_href is None
