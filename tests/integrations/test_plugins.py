"""Each integration enters by its hooks, with a manifest that tells the truth."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from callboard.features.catalog.interface import CatalogHooks
from callboard.features.catalog.interface.checks import SourceCheckHooks
from callboard.features.scaffolder.interface import ScaffolderHooks
from callboard.kernel.http_client import HttpClient
from callboard.kernel.plugins.loader import PluginManager
from callboard.kernel.settings import Settings

NAMES = ["azure", "bitbucket", "gerrit", "git", "gitea", "github", "gitlab"]
SETTINGS = {
    "integrations": {
        "github": [{"host": "ghe.example.com"}],
        "gitlab": [{"host": "gitlab.example.com"}],
        "bitbucketServer": [{"host": "bitbucket.example.com"}],
        "git": [{"path": "/srv/git"}],
    },
    "catalog": {
        "providers": {
            "github": {"acme": {"organization": "acme"}},
            "githubOrg": [{"id": "main", "githubUrl": "https://github.com", "orgs": ["acme"]}],
            "gitlab": {"acme": {"host": "gitlab.example.com", "group": "acme", "orgEnabled": True}},
        }
    },
}


class CatalogHost:
    """Stands for the catalog: hosts its hooks."""

    name = "catalog-host"

    from callboard.kernel.plugins.hooks import hookimpl

    @hookimpl
    def register_hookspecs(self) -> list[type]:
        return [CatalogHooks, SourceCheckHooks, ScaffolderHooks]


def load(names: list[str]) -> PluginManager:
    manager = PluginManager(Settings.of({}))
    manager.load({n: f"callboard.integrations.{n}.plugin" for n in names}, installed=False, extra=[CatalogHost()])
    return manager


def portal_of(manager: PluginManager, settings: dict[str, Any], clock: Any, tmp_path: Path) -> Any:
    """As much of a portal as integrations ask for."""
    view = Settings.of(settings)
    services: dict[type, Any] = {}
    portal = SimpleNamespace(
        settings=view, clock=clock, http=HttpClient(view, clock), data_dir=tmp_path, service=services.__getitem__
    )
    for given in manager.contributions("register_services", portal=portal):
        services.update(given.value)
    return portal


def test_manifests_say_what_the_code_does():
    """Name, hooks and versions; each has a quality list."""
    manager = load(NAMES)
    manager.check_manifests()
    assert manager.problems == []
    for name in NAMES:
        module = importlib.import_module(f"callboard.integrations.{name}")
        assert isinstance(module, ModuleType)
        assert Path(str(module.__file__)).with_name("quality.toml").is_file()
        manifest = next(p for p in manager.plugins if p.name == name).manifest
        assert manifest.name == name


def test_readers_and_providers_come_from_settings(clock: Any, tmp_path: Path):
    """One reader a host, public hosts without being asked; one provider a row."""
    manager = load(NAMES)
    portal = portal_of(manager, SETTINGS, clock, tmp_path)
    readers = manager.collect("register_url_readers", portal=portal)
    for url in (
        "https://github.com/a/b/blob/main/c.yaml",
        "https://ghe.example.com/a/b/blob/main/c.yaml",
        "https://gitlab.com/a/b/-/blob/main/c.yaml",
        "https://gitlab.example.com/a/b/-/blob/main/c.yaml",
        "https://bitbucket.org/a/b/src/main/c.yaml",
        "https://bitbucket.example.com/projects/A/repos/b/browse/c.yaml",
        "https://dev.azure.com/a/b/_git/c?path=/d.yaml",
        "https://a.visualstudio.com/b/_git/c?path=/d.yaml",
        "https://gitea.com/a/b/src/branch/main/c.yaml",
        "git+file:///srv/git/a.git#c.yaml",
    ):
        assert sum(reader.handles(url) for reader in readers) == 1, url
    providers = manager.collect("register_catalog_providers", portal=portal)
    assert sorted(p.name for p in providers) == [
        "github-org-provider:main", "github-provider:acme", "gitlab-org-provider:acme", "gitlab-provider:acme",
    ]  # fmt: skip
    assert {p.every_s for p in providers} == {1800.0}


@pytest.mark.parametrize("name", NAMES)
def test_each_stands_alone_without_settings(name: str, clock: Any, tmp_path: Path):
    """Removing the others, or having no settings at all, breaks nothing."""
    manager = load([name])
    portal = portal_of(manager, {}, clock, tmp_path)
    assert manager.collect("register_url_readers", portal=portal) or name == "gerrit"  # which is only written to
    assert manager.collect("register_catalog_providers", portal=portal) == []


def test_settings_are_declared(clock: Any):
    """No key of ours is called unknown, and a typing error is."""
    rows = load(NAMES).collect("register_settings")
    keys = {row.key for row in rows}
    for name in NAMES:
        manifest = next(p for p in load([name]).plugins if p.name == name)
        assert manifest.manifest.hooks is not None
    assert {"integrations.git", "catalog.providers.github", "catalog.providers.gitlab"} <= keys
