"""The kernel's part of Backstage's wire, beside the recorded answers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, ClassVar, Sequence

import pytest
from starlette.responses import Response

from callboard.kernel.actions import Action, ActionAttributes
from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.permissions import Permission, PermissionRule
from callboard.kernel.web import csrf
from callboard.kernel.web.responses import Json
from callboard.kernel.web.routing import Route
from callboard.kernel.wire.permission import ResourceLoader
from callboard.model.predicates import has_value, matches

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery"
READ = Permission("catalog.entity.read", "read", "catalog-entity")
CREATE = Permission("catalog.entity.create", "create")
KIND = {
    "type": "object",
    "properties": {"kinds": {"type": "array", "items": {"type": "string"}}},
    "required": ["kinds"],
}
RULE = PermissionRule("IS_ENTITY_KIND", "By kind", "catalog-entity", KIND, lambda p: has_value("kind", p["kinds"]))


async def _list(request: Any) -> Response:
    return Json([])


class Things:
    """A loader over two entities, by ref."""

    resource_types = frozenset({"catalog-entity"})
    known: ClassVar = {"component:default/a": "component", "user:default/ada": "user"}

    async def match_resources(
        self, resource_type: str, refs: Sequence[str], predicate: Any, *, actor: Any = None
    ) -> list[bool | None]:
        kinds = [self.known.get(ref) for ref in refs]
        return [None if k is None else predicate is None or matches(predicate, {"kind": {k: k}}) for k in kinds]


def recorded(shared: Path, file: str) -> dict[str, tuple[str, str, int, str, dict[str, str], str]]:
    """Title to (method, path, status, request body, answer headers, answer body) of a file of recorded exchanges."""
    found = {}
    for block in re.split(r"^### ", (shared / "facts/backstage-responses" / file).read_text(), flags=re.MULTILINE)[1:]:
        title, _, rest = block.partition("\n")
        sent = [line[2:] for line in rest.splitlines() if line.startswith("> ")]
        method, path, _ = sent[0].split(" ", 2)
        body = next((line for line in sent if line.startswith("{")), "")
        received = rest[rest.index("< HTTP") :]
        lines, _, answer = received.partition("\n<\n")
        headers = dict(line[2:].split(": ", 1) for line in lines.splitlines()[1:] if ": " in line)
        found[title] = (
            method,
            path,
            int(lines.split()[2]),
            body,
            {k.lower(): v for k, v in headers.items()},
            answer.strip(),
        )
    return found


@pytest.fixture
def portal(make_small_portal: Any, guest_settings: Any) -> Any:
    made = make_small_portal(
        guest_settings, routes=[Route("/api/catalog/entities", _list)], services={ResourceLoader: Things()}
    )
    made.permissions.register([READ, CREATE], [RULE])
    return made


async def guest_header(client: Any) -> dict[str, str]:
    answer = (await client.get("/api/auth/guest/refresh")).json()
    return {"authorization": f"Bearer {answer['backstageIdentity']['token']}"}


SAME = [
    ("00-health-auth.http", "no credentials", None), ("00-health-auth.http", "unknown static token", "Bearer not-a-known-token"),
    ("00-health-auth.http", "malformed authorization", "Basic abc"),
    ("00-health-auth.http", "broken jwt", "Bearer eyJhbGciOiJFUzI1NiJ9.e30.AAAA"),
    ("00-health-auth.http", "no route inside a plugin", "service"), ("00-health-auth.http", "no such plugin", "service"),
    ("00-health-auth.http", "unknown provider", None), ("00-health-auth.http", "openid configuration", None),
    ("00-health-auth.http", "userinfo as guest", "guest"), ("00-health-auth.http", "userinfo as a service", "service"),
    ("08-permission-techdocs-mcp.http", "authorize as guest", "guest"),
    ("08-permission-techdocs-mcp.http", "authorize as guest, with a resource", "guest"),
    ("08-permission-techdocs-mcp.http", "authorize as guest, basic", "guest"),
    ("08-permission-techdocs-mcp.http", "authorize as a service", "service"),
    ("08-permission-techdocs-mcp.http", "authorize without credentials", None),
    ("08-permission-techdocs-mcp.http", "authorize, bad", "service"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "title", "who"), SAME, ids=[title for _, title, _ in SAME])
async def test_an_answer_is_the_recorded_one(
    portal: Any, shared: Path, bearer: Any, file: str, title: str, who: str | None
) -> None:
    """Status, body byte for byte, content type and ETag, which is of the body."""
    method, path, status, body, headers, answer_body = recorded(shared, file)[title]
    async with portal.client(base_url="http://127.0.0.1:7007") as client:
        by_who = {"service": bearer, "guest": await guest_header(client), None: {}}
        sent = by_who[who] if who in by_who else {"authorization": str(who)}
        answer = await client.request(
            method, path, content=body or None, headers={**sent, "content-type": "application/json"}
        )
    assert (answer.status_code, answer.text) == (status, answer_body)
    for name in ("content-type", "etag", "referrer-policy", "x-frame-options", "vary"):
        assert answer.headers.get(name) == headers.get(name), name


async def test_guest_refresh_has_the_recorded_shape(portal: Any, shared: Path) -> None:
    """By GET and POST the same keys in the same order; the identity is the recorded guest."""
    recording = json.loads(
        re.sub(r'"JWT\(.*?\)"', '"x"', recorded(shared, "00-health-auth.http")["guest sign-in, GET"][5])
    )
    async with portal.client() as client:
        for method in ("GET", "POST"):
            answer = (await client.request(method, "/api/auth/guest/refresh")).json()
            assert list(answer) == list(recording)
            assert list(answer["backstageIdentity"]) == list(recording["backstageIdentity"])
            assert answer["backstageIdentity"]["identity"] == recording["backstageIdentity"]["identity"]
            assert 3598 <= answer["backstageIdentity"]["expiresInSeconds"] <= 3600


async def test_jwks_show_public_keys_only(portal: Any) -> None:
    """The recorded members in their order, of the auth plugin and of any other; nothing private."""
    async with portal.client() as client:
        for path in ("/api/auth/.well-known/jwks.json", "/api/catalog/.backstage/auth/v1/jwks.json"):
            (key,) = (await client.get(path)).json()["keys"]
            assert list(key) == ["kty", "x", "y", "crv", "kid", "alg"]


async def test_the_cookie_for_files_is_the_limited_token(portal: Any) -> None:
    """Set for users, refused to services, cleared by DELETE; out of reach of scripts."""
    async with portal.client() as client:
        answer = await client.get("/api/catalog/.backstage/auth/v1/cookie", headers=await guest_header(client))
        gone = await client.delete("/api/catalog/.backstage/auth/v1/cookie")
    cookie = answer.headers["set-cookie"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z", answer.json()["expiresAt"])
    assert re.match(
        r"backstage-auth=ey[\w-]+\.[\w-]+\.[\w-]{86}; Path=/; Expires=.* GMT; HttpOnly; Priority=High; SameSite=Lax$",
        cookie,
    )
    assert (gone.status_code, gone.content) == (204, b"")


async def test_userinfo_of_somebody_who_never_signed_in_is_404(portal: Any) -> None:
    """In plain text, as Backstage."""
    token = (await portal.auth.tokens.issue_user_token("user:default/new")).token
    async with portal.client() as client:
        answer = await client.get("/api/auth/v1/userinfo", headers={"authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.text) == (404, "User info not found")


async def test_authorize_asks_the_feature_where_a_policy_has_conditions(
    make_small_portal: Any, guest_settings: Any
) -> None:
    """ALLOW for what matches, DENY for the rest and for what is not there; several refs, several results."""
    when = {"rule": "IS_ENTITY_KIND", "resourceType": "catalog-entity", "params": {"kinds": ["Component"]}}
    rules = [{"permission": "catalog.entity.read", "when": when}]
    policy = {"defaults": False, "roles": {"r": {"members": ["$guests"], "rules": rules}}}
    settings = {**guest_settings, "permission": {"policy": policy}}
    portal = make_small_portal(
        settings, routes=[Route("/api/catalog/entities", _list)], services={ResourceLoader: Things()}
    )
    portal.permissions.register([READ, CREATE], [RULE])
    permission = {
        "type": "resource",
        "name": "catalog.entity.read",
        "attributes": {"action": "read"},
        "resourceType": "catalog-entity",
    }
    refs = ["component:default/a", "user:default/ada", "component:default/none"]
    items = [
        {"id": "1", "permission": permission, "resourceRef": refs},
        {"id": "2", "permission": permission, "resourceRef": refs[0]},
    ]
    async with portal.client() as client:
        answer = await client.post(
            "/api/permission/authorize", json={"items": items}, headers=await guest_header(client)
        )
    assert answer.json() == {
        "items": [{"id": "1", "result": ["ALLOW", "DENY", "DENY"]}, {"id": "2", "result": "ALLOW"}]
    }


async def test_conditions_are_applied_for_services_only(portal: Any, bearer: Any) -> None:
    """The answer would tell users of what is hidden from them."""
    conditions = {"not": {"rule": "IS_ENTITY_KIND", "resourceType": "catalog-entity", "params": {"kinds": ["user"]}}}
    item = {"id": "1", "resourceRef": "component:default/a", "resourceType": "catalog-entity", "conditions": conditions}
    path = "/api/catalog/.well-known/backstage/permissions/apply-conditions"
    async with portal.client() as client:
        allowed = await client.post(path, json={"items": [item]}, headers=bearer)
        refused = await client.post(path, json={"items": [item]}, headers=await guest_header(client))
        empty = await client.post(path, json={"items": [{**item, "conditions": {"anyOf": []}}]}, headers=bearer)
    assert allowed.json() == {"items": [{"id": "1", "result": "ALLOW"}]}
    assert (refused.status_code, empty.status_code) == (403, 400)


async def test_metadata_lists_what_the_plugin_permits(portal: Any, bearer: Any) -> None:
    """Permissions by the first word of their name, and rules of their resource types."""
    async with portal.client(headers=bearer) as client:
        answer = (await client.get("/api/catalog/.well-known/backstage/permissions/metadata")).json()
        other = (await client.get("/api/auth/.well-known/backstage/permissions/metadata")).json()
    assert answer["permissions"] == [
        {
            "type": "resource",
            "name": "catalog.entity.read",
            "attributes": {"action": "read"},
            "resourceType": "catalog-entity",
        },
        {"type": "basic", "name": "catalog.entity.create", "attributes": {"action": "create"}},
    ]
    assert [rule["name"] for rule in answer["rules"]] == ["IS_ENTITY_KIND"]
    assert other == {"permissions": [], "rules": []}


async def test_actions_run_by_both_versions_of_the_wire(portal: Any, bearer: Any) -> None:
    """v1 takes the input as body, v2 beside secrets; another plugin's action is not found here."""

    async def greet(context: Any) -> dict[str, Any]:
        return {"text": f"Hello {context.input['name']}"}

    schema = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    portal.actions.register(
        [Action("catalog:greet", "Greet", "", greet, schema, attributes=ActionAttributes(read_only=True))]
    )
    base = "/api/catalog/.backstage/actions"
    async with portal.client(headers=bearer) as client:
        listed = (await client.get(f"{base}/v1/actions")).json()["actions"]
        one = await client.post(f"{base}/v1/actions/catalog%3Agreet/invoke", json={"name": "Ada"})
        two = await client.post(f"{base}/v2/actions/catalog:greet/invoke", json={"input": {"name": "Bob"}})
        bad = await client.post(f"{base}/v1/actions/catalog:greet/invoke", json={})
        elsewhere = await client.post(
            "/api/auth/.backstage/actions/v1/actions/catalog:greet/invoke", json={"name": "x"}
        )
    assert [action["id"] for action in listed] == ["catalog:greet"]
    assert (one.json(), two.json()) == ({"output": {"text": "Hello Ada"}}, {"output": {"text": "Hello Bob"}})
    assert (bad.status_code, elsewhere.status_code) == (400, 404)


async def test_an_unknown_task_is_told_as_recorded(portal: Any, bearer: Any) -> None:
    """404 with Backstage's message; users may not start tasks."""
    path = "/api/catalog/.backstage/scheduler/v1/tasks"
    async with portal.client() as client:
        listed = await client.get(path, headers=bearer)
        unknown = await client.post(f"{path}/nope/trigger", headers=bearer)
    assert listed.json() == {"tasks": []}
    assert (unknown.status_code, unknown.json()["error"]) == (
        404,
        {"name": "NotFoundError", "message": "Task nope does not exist"},
    )


async def test_user_settings_are_each_users_own(portal: Any, bearer: Any) -> None:
    """Put, get, several at once, delete; others do not see them; services have none."""
    path = "/api/user-settings/buckets/starred%2Fentities/keys/theme"
    async with portal.client() as client:
        guest = await guest_header(client)
        ada = {"authorization": f"Bearer {(await portal.auth.tokens.issue_user_token('user:default/ada')).token}"}
        put = await client.put(path, json={"value": {"dark": True}}, headers=guest)
        assert put.json() == {"bucket": "starred/entities", "key": "theme", "value": {"dark": True}}
        assert (await client.get(path, headers=guest)).json() == put.json()
        assert (await client.get(path, headers=ada)).status_code == 404
        assert (await client.get(path, headers=bearer)).status_code == 403
        items = [{"bucket": "starred/entities", "key": "theme"}, {"bucket": "a", "key": "b"}]
        several = await client.post("/api/user-settings/multiget", json={"items": items}, headers=guest)
        assert several.json() == {"items": [{"value": {"dark": True}}, None]}
        assert (await client.delete(path, headers=guest)).status_code == 204
        assert (await client.get(path, headers=guest)).status_code == 404


async def test_signing_in_by_the_form_sets_a_safe_cookie(make_small_portal: Any) -> None:
    """The CSRF token of the page, the password, a cookie with its flags; then sign-out; never a redirect elsewhere."""
    portal = make_small_portal({"backend": {"baseUrl": "https://portal.example"}})
    await portal.auth.users.create_user("ada", password=PASSWORD, actor=SYSTEM)
    async with portal.client(base_url="https://portal.example") as client:
        secret = csrf.make_secret()
        client.cookies.set("callboard_csrf", secret)
        form = {"user": "ada", "password": PASSWORD, "next": "//evil.example", "csrf_token": csrf.make_token(secret)}
        without = await client.post("/sign-in", data={**form, "csrf_token": ""})
        begun = await client.post("/sign-in", data=form)
        cookie = begun.headers["set-cookie"]
        session_id = client.cookies["__Host-callboard_session"]
        out = await client.post("/sign-out", data={"csrf_token": csrf.make_token(session_id)})
        listed = await client.get("/settings/tokens")
    assert without.status_code == 403
    assert (begun.status_code, begun.headers["location"]) == (303, "/")
    assert all(flag in cookie for flag in ("HttpOnly", "SameSite=lax", "Secure", "Path=/"))
    assert "Domain" not in cookie
    assert out.status_code == 303
    assert (listed.status_code, listed.headers["location"]) == (303, "/sign-in?next=/settings/tokens")
    assert [e["event"] for e in portal.audit.events] == ["user-create", "sign-in"]


async def test_openapi_describes_the_described_routes(portal: Any, bearer: Any) -> None:
    """One document for all, one for the plugin with paths below it."""
    async with portal.client(headers=bearer) as client:
        whole, auth = (await client.get("/openapi.json")).json(), (await client.get("/api/auth/openapi.json")).json()
    assert set(whole["paths"]["/api/auth/{provider}/refresh"]) == {"get", "post"}
    assert auth["paths"]["/{provider}/refresh"]["get"]["parameters"][0]["name"] == "provider"
