"""A feature can be taken out, with those that stand above it: the rest starts and answers."""

from __future__ import annotations

import pytest

from callboard.app import BUILTINS
from callboard.testing import admin, make_portal

pytestmark = pytest.mark.anyio

INTEGRATIONS = [name for name, path in BUILTINS.items() if path.startswith("callboard.integrations.")]
FEATURES = [name for name, path in BUILTINS.items() if path.startswith("callboard.features.")]


@pytest.mark.parametrize("name", INTEGRATIONS)
async def test_an_integration_can_be_taken_out(name):
    """Without one integration everything else starts."""
    async with make_portal({"plugins": {"disabled": [name]}}) as portal, portal.client(admin()) as client:
        assert (await client.get("/.backstage/health/v1/readiness")).status_code == 200
        assert [p for p in portal.plugins.problems if p.severity == "error"] == []


@pytest.mark.parametrize("name", FEATURES)
async def test_a_feature_can_be_taken_out_with_those_above_it(name):
    """Without a feature, the later features and the integrations, the portal still starts and answers."""
    disabled = [*FEATURES[FEATURES.index(name) :], *INTEGRATIONS]
    async with make_portal({"plugins": {"disabled": disabled}}) as portal, portal.client(admin()) as client:
        assert (await client.get("/.backstage/health/v1/readiness")).status_code == 200
        assert [p for p in portal.plugins.problems if p.severity == "error"] == []
