"""The filters that every template may use, and those of plugins."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.features.scaffolder.interface import TemplateFilter, TemplateGlobal
from callboard.features.scaffolder.language import TemplateFault
from callboard.features.scaffolder.languages import Extensions
from callboard.kernel.errors import ConflictError
from callboard.model.urls import DEFAULT_HOSTS

HOSTS = {**DEFAULT_HOSTS, "ghe.acme.test": "github", "bb.acme.test": "bitbucketServer"}


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("${{ 'github.com?repo=shop&owner=acme' | parseRepoUrl }}", {"host": "github.com", "owner": "acme", "repo": "shop"}),
        ("${{ 'ghe.acme.test?owner=/a/b/&repo=r/' | parseRepoUrl | pick('owner') }}", "a/b"),
        ("${{ 'gitlab.com?project=17' | parseRepoUrl }}", {"host": "gitlab.com", "project": "17"}),
        ("${{ 'dev.azure.com?project=p&repo=r&organization=o' | parseRepoUrl | pick('organization') }}", "o"),
        ("${{ 'github.com?repo=shop&owner=acme' | projectSlug }}", "acme/shop"),
        ("${{ 'group:Techdocs' | parseEntityRef }}", {"kind": "group", "namespace": "default", "name": "Techdocs"}),
        ("${{ 'a' | parseEntityRef({defaultKind: 'group', defaultNamespace: 'x'}) | pick('namespace') }}", "x"),
        ("${{ {a: [{b: 1}]} | pick('a[0].b') }}", 1),
    ],
)  # fmt: skip
def test_filters_of_every_portal(source: str, wanted: Any) -> None:
    """As Backstage's default filters."""
    assert Extensions.of(HOSTS).language.render_value(source, {}) == wanted


@pytest.mark.parametrize(
    "source",
    [
        "${{ 'elsewhere.test?repo=a&owner=b' | parseRepoUrl }}",
        "${{ 'github.com?repo=a' | parseRepoUrl }}",
        "${{ 'bitbucket.org?workspace=a&repo=b' | parseRepoUrl }}",
        "${{ 'bb.acme.test?repo=b' | parseRepoUrl }}",
        "${{ nothing | parseRepoUrl }}",
        "${{ 'name' | parseEntityRef }}",
    ],
)
def test_filters_refuse_what_they_cannot_read(source: str) -> None:
    """As faults of the template."""
    with pytest.raises(TemplateFault):
        Extensions.of(HOSTS).language.render_value(source, {})


def test_plugins_add_filters_and_values() -> None:
    """They are told of as on the wire; a name is given once."""
    added = [
        TemplateFilter(
            "shout", lambda value: value.upper(), "Louder.", {"input": {"type": "string"}}, [{"example": "x"}]
        ),
        TemplateGlobal("region", "eu", "Where we are."),
        TemplateGlobal("now", lambda: "then"),
    ]
    extensions = Extensions.of(HOSTS, added)
    assert extensions.language.render_value("${{ region | shout }} ${{ now() }}", {}) == "EU then"
    told = extensions.to_json()
    assert set(told["filters"]) == {"parseRepoUrl", "parseEntityRef", "pick", "projectSlug", "shout"}
    assert told["globals"] == {
        "functions": {"now": {}},
        "values": {"region": {"description": "Where we are.", "value": "eu"}},
    }
    with pytest.raises(ConflictError, match="called pick"):
        Extensions.of(HOSTS, [TemplateFilter("pick", lambda value: value)])
