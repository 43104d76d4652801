"""A portal that has the forms, with a catalog of a few entities."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, AsyncIterator, Callable, Mapping, Sequence

import pytest

from callboard.kernel.auth.actor import Actor
from callboard.testing.actors import user
from callboard.testing.portal import make_portal
from tests.features.catalog.conftest import Site
from tests.features.scaffolder.forms.filling import Filling, Providers, Recorded

ADA = user("ada", "group:default/payments")
API = "backstage.io/v1alpha1"


def entity(kind: str, name: str, spec: Mapping[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    """An entity with what its kind needs."""
    least: dict[str, Any] = {
        "group": {"type": "team", "children": []},
        "user": {"memberOf": []},
        "component": {"type": "service", "lifecycle": "production", "owner": "payments"},
        "system": {"owner": "payments"},
        "domain": {"owner": "payments"},
        "resource": {"type": "database", "owner": "payments"},
        "api": {"type": "openapi", "lifecycle": "production", "owner": "payments", "definition": "{}"},
    }.get(kind.lower(), {})
    return {"apiVersion": API, "kind": kind, "metadata": {"name": name, **metadata}, "spec": {**least, **(spec or {})}}


ENTITIES = (
    entity("Group", "payments", title="Payments team"),
    entity("Group", "shop", title="Shop"),
    entity("User", "ada", {"memberOf": ["payments"], "profile": {"displayName": "Ada Lovelace"}}),
    entity("User", "shop"),
    entity("System", "till", title="The till"),
    entity("Domain", "shop"),
    entity("Component", "basket", tags=["python", "web"]),
    entity("Component", "ledger", {"owner": "shop"}, tags=["web"]),
)


class Desk:
    """A portal with templates; ``fill`` opens one as ``actor``; ``made`` are the tasks that came of it."""

    def __init__(self, site: Site, client: Any) -> None:
        self.site, self.client = site, client
        self.tasks = Recorded(site.portal)

    @property
    def made(self) -> list[Any]:
        return self.tasks.made

    async def fill(self, name: str = "form", values: Mapping[str, Any] | None = None) -> Filling:
        return await Filling(self.client, name).open(values)


Open = Callable[..., Any]
STEP = {"id": "log", "action": "debug:log", "input": {"message": "done"}}


def template(*pages: Mapping[str, Any], name: str = "form", **spec: Any) -> dict[str, Any]:
    """A template that asks these pages."""
    return {
        "apiVersion": "scaffolder.backstage.io/v1beta3",
        "kind": "Template",
        "metadata": {"name": name, "title": "A new thing"},
        "spec": {"type": "service", "owner": "payments", "parameters": list(pages), "steps": [STEP], **spec},
    }


def formed(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A template with the form and the words of ``document``: what keeps some real ones out of a catalog is no part of it."""
    metadata, spec = document["metadata"], document["spec"]
    made = template(name=name, parameters=spec.get("parameters") or [], presentation=spec.get("presentation"))
    made["metadata"] |= {
        "title": metadata.get("title") or metadata["name"],
        "description": metadata.get("description") or "None",
    }
    made["spec"] = {key: one for key, one in made["spec"].items() if one is not None}
    return made


@pytest.fixture
def open_forms(tmp_path: Path) -> Open:
    """``async with open_forms(page, page) as desk``, or with ``documents=``, ``entities=``, ``settings=``, ``providers=``."""

    @asynccontextmanager
    async def opened(
        *pages: Mapping[str, Any], documents: Mapping[str, Any] | None = None, entities: Sequence[Any] = ENTITIES,
        settings: Mapping[str, Any] | None = None, providers: Sequence[Any] = (), actor: Actor = ADA, **spec: Any,
    ) -> AsyncIterator[Desk]:  # fmt: skip
        file = tmp_path / "all.yaml"
        templates = [formed(one, name) for name, one in (documents or {"form": template(*pages, **spec)}).items()]
        file.write_text("\n---\n".join(json.dumps(one) for one in [*entities, *templates]))
        given = {
            "catalog": {
                "locations": [{"type": "file", "target": str(file)}],
                "rules": [{"allow": ["Component", "API", "Resource", "System", "Domain", "Group", "User", "Template"]}],
                "watchFiles": False,
            },
            **(settings or {}),
        }
        plugins = [("providers", Providers(providers))] if providers else []
        async with make_portal(given, plugins=plugins, data_dir=tmp_path / "data") as portal:
            site = Site(portal, portal.clock)
            await site.settle()
            async with portal.client(actor) as client:
                yield Desk(site, client)

    return opened
