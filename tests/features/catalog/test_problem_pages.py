"""What pages make of problems: words for people, files with their owners, what happened, and the banner above an entity."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from callboard.features.catalog.interface import Finding, HistoryEntry, Why, WhyStep, WhySubject
from callboard.features.catalog.pages.banners import problem_banners
from callboard.features.catalog.pages.entity import owner_cards
from callboard.features.catalog.pages.findings import finding_view, shorten
from callboard.features.catalog.pages.history import change_view
from callboard.features.catalog.pages.links import (
    distinct_titles,
    link_to,
    short_file,
)
from callboard.features.catalog.pages.location_files import file_views
from callboard.features.catalog.pages.problems import SHOWN_OF_FILE, ProblemsState, file_view, problems_page
from callboard.features.catalog.pages.why import MAX_STOPPED, why_page
from callboard.features.catalog.problems import Around, LocationFile, Problem, ProblemFile, ProblemFilter, ProblemList
from callboard.kernel.auth.actor import ANONYMOUS, Actor
from callboard.ui.messages import Messages

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
T = Messages.load(["callboard.ui", "callboard.features.catalog"]).translator()


def document(kind: str = "Component", name: str = "shop", **parts: Any) -> dict[str, Any]:
    """An entity document; ``metadata`` is merged, all else set."""
    metadata = {"name": name, "namespace": "default", **parts.pop("metadata", {})}
    return {"apiVersion": "backstage.io/v1alpha1", "kind": kind, "metadata": metadata, **parts}


def test_the_banner_says_what_is_wrong_and_who_can_put_it_right() -> None:
    """File, line and column, the fix, and the owner; an owner is told that it is theirs."""
    entity = document(relations=[{"type": "ownedBy", "targetRef": "group:default/a"}])
    finding = Finding(
        "error", "kind", "owner is missing", file="https://x.example/a/b.yaml", line=3, column=5, fix="Name one."
    )
    around = Around(own=[Problem(finding, "component:default/shop")])
    owners = [link_to("group:default/a", document("Group", "a", metadata={"title": "Team A"}))]
    (banner,) = problem_banners(entity, around, ANONYMOUS, owners, None, T)
    assert banner.status == "bad"
    assert banner.title == "Its document has an error: this is the last good version"
    assert banner.body == [
        "b.yaml:3:5: owner is missing",
        "What to do: Name one.",
        "Team A owns this and can put it right.",
    ]
    owner = Actor("user", "user:default/u", frozenset({"group:default/a"}))
    (own,) = problem_banners(entity, around, owner, owners, "https://x.example/edit", T)
    assert own.body[-1] == "You own this, so you can put it right."
    assert own.actions[0].href == "https://x.example/edit"


def _problem(stage: str, severity: Any = "error", **parts: Any) -> Problem:
    return Problem(Finding(severity, stage, parts.pop("message", "x"), **parts), "location:default/all")


@pytest.mark.parametrize(
    ("kind", "around", "title"),
    [
        ("Component", Around(file=[_problem("parse")]), "Its file has an error: this is the last good version"),
        ("Component", Around(own=[_problem("conflict", "warning")]), "There is a warning about its document"),
        ("Location", Around(own=[_problem("read"), _problem("read")]), "2 files that it names cannot be read"),
        (
            "Location",
            Around(below=[_problem("kind")], below_total=7),
            "There are 7 problems in the files that it names",
        ),
    ],
)
def test_the_banner_says_what_a_problem_means_for_what_one_sees(kind: str, around: Around, title: str) -> None:
    """An entity with a broken document or file is shown in its last good version; a Location stands for its files."""
    (banner,) = problem_banners(document(kind), around, ANONYMOUS, [], None, T)
    assert banner.title == title
    assert banner.actions[-1].href.endswith("/problems")


ADR = " To learn more about catalog file format, visit: https://github.com/backstage/backstage/blob/master/docs/x.md"
PLACEHOLDER = "Processor PlaceholderProcessor threw an error while preprocessing; caused by Error: "
RULE = "a string that is sequences of [a-z0-9+#] separated by [-], at most 63 characters in total"
KINDS = "Processor BuiltinKindsEntityProcessor threw an error while validating the entity component:default/a; caused by TypeError: "


@pytest.mark.parametrize(
    ("message", "short"),
    [
        (
            f'Policy check failed for component:default/a; caused by Error: "tags.1" is not valid; expected {RULE} but found "GPS".{ADR}',
            f'"GPS" is not valid for tags.1: expected {RULE}.',
        ),
        (KINDS + "/spec must have required property 'type' - missingProperty: type", "spec.type is missing."),
        (KINDS + "<root> must have required property 'spec' - missingProperty: spec", "spec is missing."),
        (KINDS + "/spec/owner must be string - type: string", "spec.owner must be of type string."),
        (KINDS + "/spec/owner must NOT have fewer than 1 characters - limit: 1", "spec.owner is empty."),
        (KINDS + "/spec/a must match pattern", "spec.a must match pattern"),
        (
            "Policy check failed for component:default/a; caused by Error: Malformed envelope, /metadata/description must be string",
            "metadata.description must be of type string.",
        ),
        (
            "Entity s3bucket:default/b at file:/a.yaml, originated at file:/a.yaml, is not of an allowed kind for that location",
            "The rules let no s3bucket in from here.",
        ),
        ("file:/srv/a.yaml could not be read: /srv/a.yaml does not exist.", "/srv/a.yaml does not exist."),
        ("url:https://x.example/a could not be read: the name x.example cannot be resolved", "The name x.example cannot be resolved"),
        (
            f"{PLACEHOLDER}Placeholder $text could not read location ./openapi.yaml, NotFoundError: /srv/openapi.yaml does not exist.",
            "$text: ./openapi.yaml cannot be read. /srv/openapi.yaml does not exist.",
        ),
        (
            "component:default/a is already described by file:/srv/x/y/a.yaml; this document is left out.",
            "component:default/a is described in …/y/a.yaml already, so this document is left out.",
        ),
        ("Illegal placement of ':' indicator at line 2, column 4", "Illegal placement of ':' indicator at line 2, column 4"),
        ("", ""),
    ],
)  # fmt: skip
def test_messages_are_told_without_the_machinery(message: str, short: str) -> None:
    """What is left says what is wrong; the whole text stays at hand whenever something was left out."""
    assert shorten(message, T) == short
    view = finding_view(Finding("error", "kind", message), NOW, T)
    assert view.full == (message if message != short else None)


@given(st.text(max_size=600))
def test_any_message_can_be_shortened(message: str) -> None:
    """Whatever a plugin says; what is long is cut."""
    assert len(shorten(message, T)) <= 400


@pytest.mark.parametrize(
    ("location", "short"),
    [
        ("file:/srv/catalog/teams/a.yaml", "…/teams/a.yaml"),
        ("/a.yaml", "/a.yaml"),
        ("url:https://github.com/acme/shop/blob/main/deploy/info.yaml", "acme/shop: deploy/info.yaml"),
        ("https://gitlab.com/acme/web/shop/-/blob/main/info.yaml", "acme/web/shop: info.yaml"),
        ("https://files.example/a/b/c/info.yaml", "files.example/…/c/info.yaml"),
        ("", ""),
    ],
)
def test_files_are_named_by_what_one_knows_them_by(location: str, short: str) -> None:
    """The end of a path; repository and file of a source host."""
    assert short_file(location) == short


def test_titles_that_read_alike_are_told_apart() -> None:
    """Two teams of one name carry their refs; others do not."""
    known = {ref: document("Group", ref[-1], metadata={"title": "Platform"}) for ref in ("group:a/x", "group:b/y")}
    titles = distinct_titles([*known, "group:default/z"], known)
    assert titles == {"group:a/x": "Platform (a/x)", "group:b/y": "Platform (b/y)", "group:default/z": "z"}


def test_the_address_of_the_problems_page_is_its_state() -> None:
    """Reading it back gives the same; what makes no sense is passed over; mine narrows the owners to one's own."""
    state = ProblemsState("error", ("kind", "read"), ("group:default/a",), "shop", True, 3)
    assert ProblemsState.parse(QueryParams(urlsplit(state.href(page=3)).query)) == state
    assert "page" not in parse_qs(urlsplit(state.toggled("causes", "kind")).query)
    assert ProblemsState.parse(QueryParams("severity=x&page=-1&cause=&mine=2")) == ProblemsState()
    own = {"group:default/a", "user:default/u"}
    assert state.wanted(own) == ProblemFilter("error", ("kind", "read"), ("group:default/a",), "shop")
    assert ProblemsState(is_mine=True).wanted(own).owners == ("group:default/a", "user:default/u")
    assert ProblemsState(is_mine=True, owners=("group:default/b",)).wanted(own).owners == tuple(sorted(own))


def _file(count: int, shown: int) -> ProblemFile:
    problems = [
        _problem("kind", entity_ref=f"component:default/c{n}", file="/srv/a.yaml", line=n + 1) for n in range(shown)
    ]
    return ProblemFile("/srv/a.yaml", ["group:default/a"], count, count, problems)


def test_a_file_shows_some_of_its_problems_and_counts_all() -> None:
    """The first are in sight, some behind a press, the rest on the page about the file; one more is shown rather than told."""
    view = file_view(_file(200, 25), {}, NOW, T)
    assert (len(view.findings), len(view.folded), view.unlisted) == (SHOWN_OF_FILE, 25 - SHOWN_OF_FILE, 175)
    assert view.why_href == "/catalog/why?asked=%2Fsrv%2Fa.yaml"
    assert view.findings[0].place == "line 1", "the file is named by the heading"
    assert len(file_view(_file(5, 5), {}, NOW, T).findings) == 5


def test_problems_can_be_narrowed_by_cause_and_owner() -> None:
    """Facets say what each choice would leave; what is chosen can be dropped; severities and mine are counted."""
    found = ProblemList(
        [_file(2, 2)], 2, 1, {"error": 2, "warning": 1}, {"kind": 2, "read": 1}, {"group:default/a": 2}, own_total=2
    )
    state = ProblemsState(causes=("kind",))
    page = problems_page(found, state, known={}, may_own=True, now=NOW, t=T)
    assert [(c.id, c.count) for c in page.choices] == [("all", 3), ("error", 2), ("warning", 1), ("mine", 2)]
    assert [f.id for f in page.facets] == ["cause", "owner"]
    assert [(o.title, o.count, o.selected) for o in page.facets[0].options] == [
        ("Does not fit its kind", 2, True), ("Cannot be read", 1, False),
    ]  # fmt: skip
    assert [c.title for c in page.chosen] == ["Does not fit its kind"] and page.chosen[0].href == "/catalog/problems"
    guest = problems_page(found, state, known={}, may_own=False, now=NOW, t=T)
    assert "mine" not in [c.id for c in guest.choices]


def _subject(ref: str | None, state: Any, *findings: Finding) -> WhySubject:
    steps = [
        WhyStep("read", "ok", "Read"),
        WhyStep("validated", state, findings[0].message if findings else "Fits", None, findings),
    ]
    steps.append(WhyStep("stitched", "ok" if state == "ok" else "skipped", "Not reached"))
    return WhySubject(ref or "/srv/a.yaml", ref, "file:/srv/a.yaml", steps, None if state == "ok" else "validated")


def test_of_a_file_the_documents_with_problems_are_told_first() -> None:
    """The good ones are links, however many; the file itself counts as through only in part."""
    finding = Finding("error", "kind", KINDS + "/spec must have required property 'type' - missingProperty: type")
    bad = [_subject(f"component:default/bad{n}", "failed", finding) for n in range(MAX_STOPPED + 5)]
    good = [_subject(f"component:default/good{n}", "ok") for n in range(3)]
    page = why_page("/srv/a.yaml", Why("/srv/a.yaml", "location", [_subject(None, "ok"), *good, *bad]), (), NOW, T)
    assert [s.outcome for s in page.subjects] == ["partly"]
    assert (page.stopped_count, len(page.stopped), page.good_count, page.unlisted) == (45, MAX_STOPPED, 3, 5)
    first = page.stopped[0]
    assert first.problems[0].message == "spec.type is missing."
    assert [s.detail for s in first.steps] == ["Read", None, None], "what a finding says is not said twice"
    nothing = why_page("x", None, (), NOW, T)
    assert not nothing.is_answered and not nothing.subjects


def test_history_names_who_and_where_and_leaves_out_what_is_told_elsewhere() -> None:
    """A change of problems alone is said in words; the portal itself is nobody."""
    status = HistoryEntry(1, "x", NOW, "failed", "", "plugin:callboard", [{"op": "add", "path": "/status", "to": {}}])
    view = change_view(status, NOW)
    assert view.is_status and (view.actor, view.source, view.lines, view.fields) == (None, None, [], [])
    diff = [
        {"op": "replace", "path": "/metadata/labels/tier", "from": "a", "to": "b"},
        {"op": "add", "path": "/relations", "to": []},
    ]
    view = change_view(HistoryEntry(2, "x", NOW, "updated", "file:/srv/x/y/a.yaml", "user:default/ada", diff), NOW)
    assert (view.actor, view.source_title, view.is_status) == ("user:default/ada", "…/y/a.yaml", False)
    assert list(view.fields) == ["metadata.labels", "relations"]
    assert view.lines[0] == ("~", "metadata.labels.tier", "a", "b")


def test_owners_say_how_to_reach_them() -> None:
    """Mail first, then links, a few; how many a group is. Nothing of an owner that is not there."""
    links = [{"url": f"https://chat.example/{n}", "title": f"#{n}"} for n in range(9)]
    members = [{"type": "hasMember", "targetRef": f"user:default/u{n}"} for n in range(3)]
    team = document(
        "Group", "a", metadata={"links": links}, spec={"profile": {"email": "a@x.example"}}, relations=members
    )
    (card,) = owner_cards([link_to("group:default/a", team)], {"group:default/a": team})
    assert [link.href for link in card.reach] == [
        "mailto:a@x.example",
        *(f"https://chat.example/{n}" for n in range(3)),
    ]
    assert card.members == 3
    (absent,) = owner_cards([link_to("group:default/b", None)], {"group:default/b": None})
    assert (absent.reach, absent.members) == ([], None)


def test_files_of_a_location_tell_what_became_of_each() -> None:
    """Unread ones are known by their errors alone; of the others the state is that of their documents."""
    around = Around(own=[_problem("read", message="file:/srv/x.yaml could not be read: gone", file="/srv/x.yaml")])
    files = [
        LocationFile(f"file:/srv/{n}.yaml", f"./{n}.yaml", True, None, NOW, 3, good) for n, good in ((1, 3), (2, 2))
    ]
    files.append(LocationFile("file:/srv/3.yaml", "./3.yaml", False, None, None, 0, 0))
    views, unread = file_views(files, around, NOW, T)
    assert unread == 1
    assert [(v.file, v.status, v.error) for v in views] == [
        ("/srv/x.yaml", "bad", "Gone"), ("/srv/1.yaml", "ok", None), ("/srv/2.yaml", "warn", None), ("/srv/3.yaml", "info", None),
    ]  # fmt: skip
