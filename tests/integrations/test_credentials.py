"""Clients that get their access tokens from a login service: what is asked there, and what is then sent to the API."""

from __future__ import annotations

from base64 import b64decode
from urllib.parse import parse_qsl

import pytest

from callboard.integrations.azure.client import AzureClients
from callboard.integrations.bitbucket.client import CLOUD_TOKEN_URL, BitbucketClients
from callboard.kernel.errors import UnavailableError
from callboard.kernel.http_client import HttpClient
from callboard.kernel.rate_budget import RateBudgets
from callboard.kernel.settings import Settings
from callboard.testing.http import FakeHttp

pytestmark = pytest.mark.anyio
ENTRA = "https://login.microsoftonline.com/tenant-1/oauth2/v2.0/token"
ITEMS = "https://dev.azure.com/acme/_apis/items"
REPOSITORY = "https://api.bitbucket.org/2.0/repositories/acme/tools"


@pytest.fixture
async def connect(clock):
    """Settings to the outside that is faked, and what an integration is built from."""
    opened = []

    def make(integrations):
        settings = Settings.of({"integrations": integrations})
        fake = FakeHttp()
        opened.append(HttpClient(settings, clock, fake))
        return fake, (settings, opened[-1], RateBudgets(clock), clock)

    yield make
    for http in opened:
        await http.close()


async def test_azure_asks_entra_with_the_client_of_the_organisation(connect, clock):
    """The token is Bearer, is used again, and is asked for anew before it ends."""
    client = {"clientId": "app", "clientSecret": "s3cret", "tenantId": "tenant-1", "organizations": ["acme"]}
    fake, parts = connect({"azure": [{"host": "dev.azure.com", "credentials": [client]}]})
    fake.add(ENTRA, json={"access_token": "entra-1", "expires_in": 3600}, method="POST")
    fake.add(ENTRA, json={"access_token": "entra-2", "expires_in": 3600}, method="POST")
    fake.add(ITEMS, json={})
    api = AzureClients(*parts).all[0].api_for("Acme")
    await api.get_json(ITEMS)
    await api.get_json(ITEMS)
    clock.advance(3400)
    await api.get_json(ITEMS)
    asked = fake.requests_to(ENTRA)
    assert dict(parse_qsl(asked[0].body.decode())) == {
        "grant_type": "client_credentials",
        "client_id": "app",
        "client_secret": "s3cret",
        "scope": "499b84ac-1321-427f-aa17-267ca6975798/.default",
    }
    assert [r.headers["authorization"] for r in fake.requests_to(ITEMS)] == [
        "Bearer entra-1", "Bearer entra-1", "Bearer entra-2",
    ]  # fmt: skip


async def test_bitbucket_asks_with_its_consumer(connect):
    """The client is in the header, and the token is Bearer."""
    fake, parts = connect({"bitbucketCloud": [{"clientId": "key", "clientSecret": "s3cret"}]})
    fake.add(CLOUD_TOKEN_URL, json={"access_token": "bb-1", "expires_in": 7200}, method="POST")
    fake.add(REPOSITORY, json={})
    await BitbucketClients(*parts).cloud.api.get_json(REPOSITORY)
    (asked,) = fake.requests_to(CLOUD_TOKEN_URL)
    assert b64decode(asked.headers["authorization"].removeprefix("Basic ")) == b"key:s3cret"
    assert asked.body == b"grant_type=client_credentials"
    assert fake.requests_to(REPOSITORY)[0].headers["authorization"] == "Bearer bb-1"


async def test_a_refused_client_names_the_settings_to_check(connect):
    """The API is not asked without a token."""
    fake, parts = connect({"bitbucketCloud": [{"clientId": "key", "clientSecret": "s3cret"}]})
    fake.add(CLOUD_TOKEN_URL, json={"error": "invalid_client"}, status=400, method="POST")
    with pytest.raises(UnavailableError, match=r"integrations\.bitbucketCloud\. \(400\)"):
        await BitbucketClients(*parts).cloud.api.get_json(REPOSITORY)
    assert fake.requests_to(REPOSITORY) == []
