"""GOV.UK's inventory as found: 136 rows, channels as teams, a boolean among URLs, one name three times."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from callboard.features.importing.domain import guess_columns, mapping_from
from callboard.features.importing.domain.planning import plan_table
from callboard.features.importing.interface import Plan, Row, Surroundings, Table
from tests.features.importing.domain.tables import after, by_ref, judge, plan, roles


@pytest.fixture(scope="module")
def govuk(shared: Path) -> Table:
    with (shared / "corpus" / "govuk" / "repos.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    return Table("repos", 1, tuple(rows[0]), tuple(Row(n, tuple(cells)) for n, cells in enumerate(rows[1:], 2)))


@pytest.fixture(scope="module")
def planned(govuk: Table) -> Plan:
    return plan(govuk)


def test_every_column_is_guessed_as_its_yardstick_says(govuk: Table) -> None:
    """The corpus says what a person would call each of the 16 columns; all are guessed so, with a reason."""
    guesses = guess_columns(govuk)
    assert roles(guesses) == {
        "repo_name": "name",
        "type": "type",
        "team": "owner",
        "production_hosted_on": "label:production-hosted-on",
        "alerts_team": "annotation:callboard.dev/alerts-channel",
        "production_url": "link:Production",
        "description": "description",
        "sentry_url": "link:Sentry",
        "component_guide_url": "link:Component guide",
        "argo_cd_apps": "annotation:argo-cd-apps",
        "kibana_url": "link:Kibana",
        "kibana_worker_url": "link:Kibana worker",
        "metrics_dashboard_url": "link:Metrics dashboard",
        "private_repo": "label:private-repo",
        "management_url": "link:Management",
        "app_name": "name",
    }
    assert all(0 < guess.confidence < 1 and guess.reason for guess in guesses)
    assert "chat channels" in next(g.reason for g in guesses if g.mapping.column == "team")


def test_every_row_becomes_an_entity(govuk: Table, planned: Plan) -> None:
    """136 of 136 rows, each an entity of its own, and a group for each of the 18 channels that own something."""
    assert planned.counts == {"create": 154, "change": 0, "unchanged": 0, "conflict": 0, "rejected": 0}
    assert sorted(n for e in planned.entities for n in e.rows) == [row.number for row in govuk.rows]
    groups = {ref for ref in by_ref(planned) if ref.startswith("group:")}
    assert len(groups) == 18 == len(planned.owners)
    assert all(match.is_new and match.ref in groups for match in planned.owners)
    assert sum(match.rows for match in planned.owners) == 136


def test_a_name_that_stands_three_times_is_told_apart(planned: Plan) -> None:
    """``licensify`` is three apps of one repository; what became of both names is told."""
    refs = by_ref(planned)
    three = [f"component:default/licensify-{part}" for part in ("backend", "frontend", "feed")]
    assert [refs[ref].rows for ref in three] == [(100,), (101,), (102,)]
    assert "component:default/licensify" not in refs
    notes = {cell.column: cell for cell in refs[three[0]].cells}
    assert (notes["app_name"].path, notes["app_name"].value) == ("metadata.name", "licensify-backend")
    assert notes["repo_name"].state == "ignored"
    assert "app_name" in notes["repo_name"].note


def test_channels_are_teams(planned: Plan) -> None:
    """A channel becomes a group without its ``#``, which keeps the channel."""
    refs = by_ref(planned)
    group = refs["group:default/govuk-search"]
    assert group.rows == ()
    assert "#govuk-search" in group.reason
    assert group.entity is not None
    assert group.entity["metadata"]["annotations"] == {"callboard.dev/chat-channel": "#govuk-search"}
    assert group.entity["spec"] == {"type": "team", "children": []}
    search = refs["component:default/search-api"].entity
    assert search is not None
    assert search["spec"]["owner"] == "group:default/govuk-search"
    assert search["metadata"]["annotations"]["callboard.dev/alerts-channel"] == "#govuk-search-tech"


def test_false_among_addresses_is_no_link(planned: Plan) -> None:
    """``production_url`` of the router is ``false``: it has no link, and the cell says why."""
    router = by_ref(planned)["component:default/router"]
    assert router.entity is not None
    assert "links" not in router.entity["metadata"]
    (cell,) = [cell for cell in router.cells if cell.column == "production_url"]
    assert (cell.state, cell.raw) == ("empty", "false")
    assert "none" in cell.note


def test_odd_cells_come_in_whole(planned: Plan) -> None:
    """Line breaks of a description stay; commas inside of an address do not split it; two spellings of a type are one."""
    refs = by_ref(planned)
    private = refs["component:default/govuk_chat_private"].entity
    manager = refs["component:default/content-block-manager"].entity
    assert private is not None and manager is not None
    assert "which isn't suitable\nfor open source" in private["metadata"]["description"]
    titles = {link["title"]: link["url"] for link in manager["metadata"]["links"]}
    assert set(titles) == {"Production", "Kibana", "Kibana worker"}
    assert titles["Kibana"].endswith("query:''))")
    types = {e.entity["spec"]["type"] for e in planned.entities if e.entity and e.entity["kind"] == "Component"}
    assert "Data engineering" in types and "Data Engineering" not in types


def test_importing_the_same_file_again_changes_nothing(govuk: Table, planned: Plan) -> None:
    """Groups that the first import made are found, kept and not made twice; nothing leaves."""
    again = plan(govuk, **after(planned))
    assert again.counts == {"create": 0, "change": 0, "unchanged": 154, "conflict": 0, "rejected": 0}
    assert again.leaving == ()
    assert not any(match.is_new for match in again.owners)


def test_the_organisation_turns_names_into_repositories(govuk: Table) -> None:
    """With the host of its repositories each component has its source, also the three that share one."""
    from dataclasses import replace

    chosen = replace(mapping_from(guess_columns(govuk)), repository_host="https://github.com/alphagov")
    refs = by_ref(plan_table(govuk, chosen, Surroundings(), validate=judge))
    feed = refs["component:default/licensify-feed"].entity
    assert feed is not None
    annotations = feed["metadata"]["annotations"]
    assert annotations["github.com/project-slug"] == "alphagov/licensify"
    assert annotations["backstage.io/source-location"] == "url:https://github.com/alphagov/licensify/"
