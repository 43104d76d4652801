"""A template environment with every message and a request that is just enough to render with."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from callboard.kernel.auth.actor import Actor
from callboard.kernel.web.shell import NavItem
from callboard.kernel.web.templates import PageTools, Templates
from callboard.ui.environment import template_globals
from callboard.ui.messages import Messages

PACKAGES = ("callboard.integrations.github_actions",
    "callboard.ui", "callboard.features.catalog", "callboard.features.search", "callboard.features.importing", "callboard.features.editing",
    "callboard.features.setup", "callboard.features.notifications", "callboard.features.announcements", "callboard.features.settings",
    "callboard.features.proposals", "callboard.features.ownership", "callboard.features.admin",
    "callboard.features.scaffolder", "callboard.features.techdocs", "callboard.features.scaffolder.forms", "callboard.features.scaffolder.updates",
)  # fmt: skip


@pytest.fixture(scope="session")
def messages() -> Messages:
    return Messages.load(PACKAGES)


@pytest.fixture
def templates(messages: Messages) -> Templates:
    tools = PageTools(
        translator=messages.translator, locales=messages.locales, roots=("callboard.ui",), globals=template_globals()
    )
    nav = [NavItem("home", "nav.home", "/", "home", 0), NavItem("catalog", "nav.catalog", "/catalog", "catalog", 10)]
    return Templates(PACKAGES[1:], tools=tools, nav_items=nav, site_name="Harbour")


@pytest.fixture
def page_request() -> Any:
    """What templates read of a request, for a signed-in user at ``/gallery``."""
    portal = SimpleNamespace(
        auth=SimpleNamespace(is_guest=lambda actor: False),
        permissions=SimpleNamespace(decide=lambda actor, permission: SimpleNamespace(result="ALLOW")),
    )
    actor = Actor("user", "user:default/ada", frozenset({"user:default/ada"}), display_name="Ada Lovelace")
    return SimpleNamespace(
        locale="en",
        locales=["de", "en"],
        url=SimpleNamespace(path="/gallery", query=""),
        actor=actor,
        portal=portal,
        nonce="n",
        csrf_token="c",
        cookies={},
        page_context={},
        is_own_user=True,
    )
