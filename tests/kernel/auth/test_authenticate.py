"""Who gets in, with what, and for how long."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any, Mapping

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, OctKey

from callboard.kernel.auth.actor import ANONYMOUS, SYSTEM
from callboard.kernel.auth.providers import Identity, SignInAttempt, SignInFailed
from callboard.kernel.auth.service import MissingCredentials
from callboard.kernel.auth.throttle import TooManySignIns
from callboard.kernel.auth.tokens import IllegalToken, derive_limited_token, encode
from callboard.kernel.errors import InputError, NotAllowedError
from callboard.testing.http import FakeHttp

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery"
GUEST = "user:development/guest"


def scope(
    authorization: str | None = None, *, cookie: str | None = None, path: str = "/api/catalog/x", **headers: str
) -> dict[str, Any]:
    """An ASGI scope with these credentials."""
    listed = {"host": "localhost:7007", **headers}
    if authorization is not None:
        listed["authorization"] = authorization
    if cookie is not None:
        listed["cookie"] = cookie
    pairs = [(k.replace("_", "-").encode(), v.encode()) for k, v in listed.items()]
    return {"type": "http", "method": "GET", "path": path, "headers": pairs, "client": ("127.0.0.1", 1)}


def forged(header: Mapping[str, Any], payload: Mapping[str, Any], signature: bytes = b"") -> str:
    return f"{encode(dict(header))}.{encode(dict(payload))}.{encode(signature)}"


def signed(key: Any, header: Mapping[str, Any], payload: Mapping[str, Any]) -> str:
    data = json.dumps(dict(payload)).encode()
    return jws.serialize_compact(dict(header), data, key, algorithms=[header["alg"]])


@pytest.fixture
def portal(make_small_portal: Any, guest_settings: Any) -> Any:
    return make_small_portal(guest_settings)


@pytest.fixture
def auth(portal: Any) -> Any:
    return portal.auth


async def user_token(auth: Any, ref: str = "user:default/ada") -> str:
    return (await auth.issue_user_token(Identity(ref)))[0].token


async def test_a_static_token_is_the_service_it_was_configured_for(auth: Any) -> None:
    """Known on the full way, then on the quick one; the scheme may be written in any case."""
    request = scope("bearer a-token-for-tests")
    assert auth.find(request) is None
    actor = await auth.authenticate(request)
    assert (actor.type, actor.subject, actor.via) == ("service", "external:test", "static")
    assert auth.find(request) is actor


@pytest.mark.parametrize(
    ("authorization", "error"),
    [
        ("Bearer not-a-known-token", IllegalToken), ("Bearer eyJhbGciOiJFUzI1NiJ9.e30.AAAA", IllegalToken),
        ("Basic abc", MissingCredentials), ("Bearer", MissingCredentials), ("Bearer cb_abc_def", IllegalToken),
        ("Bearer ..", IllegalToken), ("Bearer a.b.c", IllegalToken),
    ],
)  # fmt: skip
async def test_what_does_not_hold_is_refused(auth: Any, authorization: str, error: type[Exception]) -> None:
    """The recorded cases: an unknown token, a broken JWT, another scheme."""
    with pytest.raises(error):
        await auth.authenticate(scope(authorization))


async def test_nothing_offered_is_nobody(auth: Any) -> None:
    """With a settings file no guest comes in by itself."""
    assert await auth.authenticate(scope()) is ANONYMOUS


async def test_a_user_token_lasts_an_hour(auth: Any, clock: Any) -> None:
    """Good until its expiry, remembered or not, and over from then on."""
    request = scope(f"Bearer {await user_token(auth)}")
    assert (await auth.authenticate(request)).subject == "user:default/ada"
    clock.advance(3599)
    assert (await auth.authenticate(request)).via == "jwt"
    assert auth.find(request) is not None
    clock.advance(1)
    assert auth.find(request) is None
    with pytest.raises(IllegalToken):
        await auth.authenticate(request)


async def test_a_user_token_has_backstages_form(auth: Any, clock: Any) -> None:
    """Header and claims of the recorded guest token, in their order; ``uip`` is the limited token's signature."""
    token = await user_token(auth, GUEST)
    header, payload, _ = (
        json.loads(base64.urlsafe_b64decode(p + "==")) if i < 2 else p for i, p in enumerate(token.split("."))
    )
    assert list(header) == ["typ", "alg", "kid"]
    assert (header["typ"], header["alg"]) == ("vnd.backstage.user", "ES256")
    assert list(payload) == ["iss", "sub", "aud", "iat", "exp", "uip"]
    assert payload["iss"] == "http://127.0.0.1:7007/api/auth"
    assert (payload["aud"], payload["exp"] - payload["iat"]) == ("backstage", 3600)
    assert len(payload["uip"]) == 86


async def test_a_limited_token_opens_files_only(auth: Any) -> None:
    """Derived by its holder; taken where a route says so, as bearer or cookie, and nowhere else."""
    limited, _ = derive_limited_token(await user_token(auth))
    with pytest.raises(IllegalToken):
        await auth.authenticate(scope(f"Bearer {limited}"))
    assert (await auth.authenticate(scope(f"Bearer {limited}"), limited=True)).subject == "user:default/ada"
    cookie = f"other=1; backstage-auth={limited}"
    assert (await auth.authenticate(scope(cookie=cookie), limited=True)).subject == "user:default/ada"
    assert await auth.authenticate(scope(cookie=cookie)) is ANONYMOUS


async def test_forged_tokens_never_reach_a_key(auth: Any) -> None:
    """``alg: none``, HS256 under the public key, another key under our kid, a foreign issuer, changed claims."""
    good = await user_token(auth)
    head, body, signature = good.split(".")
    header = json.loads(base64.urlsafe_b64decode(head + "=="))
    payload = json.loads(base64.urlsafe_b64decode(body + "=="))
    keys = await auth.tokens.user_keys.public_keys()
    public_text = json.dumps(keys[0]).encode()
    stranger = ECKey.generate_key("P-256")
    ours = (await auth.tokens.user_keys.current())[1]
    root = {**payload, "sub": "user:default/root"}
    bad = [
        forged({**header, "alg": "none"}, payload),
        forged({**header, "alg": "None"}, payload),
        signed(OctKey.import_key(public_text), {**header, "alg": "HS256"}, payload),
        signed(stranger, header, payload),
        f"{head}.{encode(root)}.{signature}",
        signed(ours, header, {**payload, "iss": "https://elsewhere.example/api/auth"}),
        signed(ours, header, {**payload, "aud": "other"}),
        signed(ours, header, {k: v for k, v in payload.items() if k != "exp"}),
        signed(ours, header, {**payload, "exp": True}),
        signed(ours, {**header, "typ": "vnd.backstage.limited-user"}, payload),
        signed(ours, {**header, "kid": "unknown"}, payload),
        good + ".x",
        good[:-3],
    ]
    for token in bad:
        with pytest.raises(IllegalToken):
            await auth.authenticate(scope(f"Bearer {token}"))
    assert (await auth.authenticate(scope(f"Bearer {good}"))).subject == "user:default/ada"


async def test_keys_are_shared_and_replaced(make_small_portal: Any, guest_settings: Any, clock: Any) -> None:
    """A replica takes the other's tokens; after 30 days another key signs and the old one is published a day longer."""
    one, two = make_small_portal(guest_settings).auth, make_small_portal(guest_settings).auth
    token = await user_token(one)
    assert (await two.authenticate(scope(f"Bearer {token}"))).subject == "user:default/ada"
    clock.advance(timedelta(days=30) - timedelta(seconds=10))
    late = await user_token(one)
    clock.advance(20)
    newer = await user_token(one)
    kids = [k["kid"] for k in await one.tokens.user_keys.public_keys()]
    assert len(kids) == 2
    for valid in (late, newer):
        assert (await one.authenticate(scope(f"Bearer {valid}"))).subject == "user:default/ada"
        assert (await two.authenticate(scope(f"Bearer {valid}"))).subject == "user:default/ada"
    clock.advance(timedelta(days=2))
    assert len(await one.tokens.user_keys.public_keys()) == 1


async def test_a_plugin_token_is_for_the_plugin_it_names(auth: Any) -> None:
    """``aud`` is the plugin called; the user behind it is known."""
    limited, _ = derive_limited_token(await user_token(auth))
    token = (await auth.tokens.issue_plugin_token("scaffolder", "catalog", on_behalf_of=limited)).token
    actor = await auth.authenticate(scope(f"Bearer {token}"))
    assert (actor.type, actor.subject, actor.on_behalf_of) == ("plugin", "plugin:scaffolder", "user:default/ada")
    with pytest.raises(IllegalToken):
        await auth.authenticate(scope(f"Bearer {token}", path="/api/search/query"))


async def test_ownership_follows_the_catalog(portal: Any) -> None:
    """Groups are asked once while nothing changes, and anew when they may have changed; equal answers keep the actor."""
    auth, groups = portal.auth, portal.groups
    groups.of["user:default/ada"] = {"group:default/payments"}
    request = scope(f"Bearer {await user_token(auth)}")
    actor = await auth.authenticate(request)
    asked = groups.asked
    assert actor.ownership == {"user:default/ada", "group:default/payments"}
    assert auth.find(request) is actor
    groups.number += 1
    assert auth.find(request) is None
    assert await auth.authenticate(request) is actor
    assert groups.asked == asked + 1
    groups.of["user:default/ada"] = set()
    groups.number += 1
    assert (await auth.authenticate(request)).ownership == {"user:default/ada"}


# ---- local users and sessions ----------------------------------------------------------------------------------------


async def sign_in(
    auth: Any, password: str = PASSWORD, *, user: str = "ada", client: str = "10.0.0.1", **more: Any
) -> Any:
    return await auth.sign_in("local", SignInAttempt({"username": user, "password": password}, client), **more)


def cookie_of(session_id: str) -> str:
    return f"callboard_session={session_id}"


async def test_a_session_begins_with_the_password_and_ends_with_sign_out(auth: Any) -> None:
    """By name or e-mail address; the session brings name, roles and ownership; signing out is at once."""
    await auth.users.create_user(
        "ada", password=PASSWORD, email="Ada@Example.com", display_name="Ada", roles=["editor"], actor=SYSTEM
    )
    begun = await sign_in(auth, user="ada@example.com")
    request = scope(cookie=cookie_of(begun.session_id))
    actor = await auth.authenticate(request)
    assert (actor.subject, actor.display_name, actor.roles, actor.via) == (
        "user:default/ada",
        "Ada",
        {"editor"},
        "session",
    )
    assert auth.find(request) is actor
    await auth.sign_out(begun.session_id)
    assert auth.find(request) is None
    assert await auth.authenticate(request) is ANONYMOUS


async def test_sign_in_gives_a_new_session_id_and_ends_the_old(auth: Any) -> None:
    """Session fixation: an id that somebody planted is worth nothing, before and after."""
    await auth.users.create_user("ada", password=PASSWORD, actor=SYSTEM)
    planted = "A" * 43
    first = await sign_in(auth, replaces=planted)
    second = await sign_in(auth, replaces=first.session_id)
    assert len({planted, first.session_id, second.session_id}) == 3
    for dead in (planted, first.session_id):
        assert await auth.authenticate(scope(cookie=cookie_of(dead))) is ANONYMOUS
    assert (await auth.authenticate(scope(cookie=cookie_of(second.session_id)))).is_user


async def test_only_the_hash_of_a_session_is_stored(portal: Any) -> None:
    """Whoever reads the database cannot sign in with what they find."""
    await portal.auth.users.create_user("ada", password=PASSWORD, actor=SYSTEM)
    begun = await sign_in(portal.auth)
    async with portal.db.read() as tx:
        stored = await tx.fetch_all("SELECT * FROM kernel_session")
        users = await tx.fetch_all("SELECT password_hash FROM kernel_user")
    assert begun.session_id not in repr(stored)
    assert users[0][0].startswith("$argon2id$")


async def test_a_session_slides_with_use_up_to_its_longest(make_small_portal: Any, clock: Any) -> None:
    """Idle for longer than allowed ends it; used all the time it still ends at its longest."""
    settings = {"auth": {"session": {"idleTimeout": "1h", "maxAge": "5h"}}}
    auth = make_small_portal(settings).auth
    await auth.users.create_user("ada", password=PASSWORD, actor=SYSTEM)
    idle, used = await sign_in(auth), await sign_in(auth)
    for minutes in range(0, 300, 30):
        assert (await auth.authenticate(scope(cookie=cookie_of(used.session_id)))).is_user, minutes
        clock.advance(timedelta(minutes=30))
    assert await auth.authenticate(scope(cookie=cookie_of(used.session_id))) is ANONYMOUS
    assert await auth.authenticate(scope(cookie=cookie_of(idle.session_id))) is ANONYMOUS


async def test_failures_slow_down_and_tell_nothing(auth: Any, clock: Any) -> None:
    """An unknown name and a wrong password read the same; after five failures one waits, longer each time."""
    await auth.users.create_user("ada", password=PASSWORD, actor=SYSTEM)
    said = set()
    for user in ("ada", "nobody"):
        with pytest.raises(SignInFailed) as failed:
            await sign_in(auth, "wrong password", user=user, client=user)
        said.add(str(failed.value))
    assert len(said) == 1
    for _ in range(4):
        with pytest.raises(SignInFailed):
            await sign_in(auth, "wrong password")
    with pytest.raises(TooManySignIns) as first:
        await sign_in(auth)
    assert first.value.retry_after_s == pytest.approx(2.0)
    clock.advance(2)
    with pytest.raises(SignInFailed):
        await sign_in(auth, "wrong password")
    with pytest.raises(TooManySignIns) as second:
        await sign_in(auth)
    assert second.value.retry_after_s == pytest.approx(4.0)
    clock.advance(4)
    assert (await sign_in(auth)).actor.subject == "user:default/ada"


async def test_disabling_a_user_and_a_new_password_end_their_sessions(auth: Any) -> None:
    """At once, remembered or not; tokens of a disabled user stop, too."""
    await auth.users.create_user("ada", password=PASSWORD, actor=SYSTEM)
    begun = await sign_in(auth)
    token = (await auth.api_tokens.create_token("ci", actor=begun.actor))[1]
    by_cookie, by_token = scope(cookie=cookie_of(begun.session_id)), scope(f"Bearer {token}")
    assert (await auth.authenticate(by_cookie)).is_user
    assert (await auth.authenticate(by_token)).is_user
    await auth.users.set_password("ada", "another long one", actor=begun.actor)
    assert await auth.authenticate(by_cookie) is ANONYMOUS
    await auth.users.update_user("ada", disabled=True, actor=SYSTEM)
    with pytest.raises(IllegalToken):
        await auth.authenticate(by_token)
    with pytest.raises(SignInFailed):
        await sign_in(auth, "another long one")


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaa", "password123", "x" * 600])
async def test_a_weak_password_is_refused(auth: Any, password: str) -> None:
    """Too short, all alike, well known, too long."""
    with pytest.raises(InputError):
        await auth.users.create_user("ada", password=password, actor=SYSTEM)


async def test_only_administrators_manage_users(auth: Any) -> None:
    """Nobody makes themselves an administrator."""
    await auth.users.create_user("ada", password=PASSWORD, actor=SYSTEM)
    actor = (await sign_in(auth)).actor
    with pytest.raises(NotAllowedError):
        await auth.users.update_user("ada", roles=["admin"], actor=actor)
    with pytest.raises(NotAllowedError):
        await auth.users.create_user("eve", password=PASSWORD, actor=actor)


# ---- personal tokens -------------------------------------------------------------------------------------------------


async def test_a_personal_token_works_until_revoked_or_over(auth: Any, clock: Any) -> None:
    """Limited by scope; noted when used; gone at once when revoked and when its time is over."""
    await auth.users.create_user("ada", password=PASSWORD, actor=SYSTEM)
    ada = (await sign_in(auth)).actor
    row, text = await auth.api_tokens.create_token("ci", scopes=["read"], expires_in=timedelta(days=1), actor=ada)
    actor = await auth.authenticate(scope(f"Bearer {text}"))
    assert (actor.subject, actor.scopes, actor.via) == ("user:default/ada", {"read"}, "token")
    assert (await auth.api_tokens.list_tokens(actor=ada))[0].last_used_at is not None
    await auth.api_tokens.revoke_token(row.id, actor=ada)
    with pytest.raises(IllegalToken):
        await auth.authenticate(scope(f"Bearer {text}"))
    _, second = await auth.api_tokens.create_token("ci", expires_in=timedelta(days=1), actor=ada)
    assert (await auth.authenticate(scope(f"Bearer {second}"))).scopes is None
    clock.advance(timedelta(days=1))
    with pytest.raises(IllegalToken):
        await auth.authenticate(scope(f"Bearer {second}"))


async def test_a_token_makes_no_tokens_and_others_stay_hidden(auth: Any) -> None:
    """A leaked token cannot prolong itself; somebody else's token reads as not there."""
    await auth.users.create_user("ada", password=PASSWORD, actor=SYSTEM)
    await auth.users.create_user("bob", password=PASSWORD, actor=SYSTEM)
    ada, bob = (await sign_in(auth)).actor, (await sign_in(auth, user="bob")).actor
    row, text = await auth.api_tokens.create_token("ci", actor=ada)
    with pytest.raises(NotAllowedError):
        await auth.api_tokens.create_token("more", actor=await auth.authenticate(scope(f"Bearer {text}")))
    with pytest.raises(Exception, match=f"You have no token {row.id}"):
        await auth.api_tokens.revoke_token(row.id, actor=bob)
    assert await auth.api_tokens.list_tokens(actor=bob) == []


# ---- external access -------------------------------------------------------------------------------------------------


async def test_a_legacy_secret_signs_for_its_subject(make_small_portal: Any, clock: Any) -> None:
    """HS256 under the shared secret with the fixed ``sub``; wrong subject, key or a day-long stretch is refused."""
    secret = base64.b64encode(b"s" * 24).decode()
    entry = {"type": "legacy", "options": {"secret": secret, "subject": "old-ci"}}
    auth = make_small_portal({"backend": {"auth": {"externalAccess": [entry]}}}).auth
    now = int(clock.now().timestamp())
    key, header = OctKey.import_key(b"s" * 24), {"alg": "HS256"}
    good = signed(key, header, {"sub": "backstage-server", "exp": now + 3600})
    assert (await auth.authenticate(scope(f"Bearer {good}"))).subject == "external:old-ci"
    for token in (
        signed(key, header, {"sub": "user:default/root", "exp": now + 3600}),
        signed(key, header, {"sub": "backstage-server"}),
        signed(key, header, {"sub": "backstage-server", "exp": now + 9_000_000}),
        signed(OctKey.import_key(b"t" * 24), header, {"sub": "backstage-server", "exp": now + 3600}),
    ):
        with pytest.raises(IllegalToken):
            await auth.authenticate(scope(f"Bearer {token}"))
    clock.advance(3600)
    with pytest.raises(IllegalToken):
        await auth.authenticate(scope(f"Bearer {good}"))


async def test_published_keys_vouch_for_their_issuer(make_small_portal: Any, clock: Any) -> None:
    """Issuer, audience and algorithm must fit; a made-up key id does not become a request each time."""
    key = ECKey.generate_key("P-256")
    http = FakeHttp()
    jwk = {**key.as_dict(private=False), "kid": "k1"}
    http.add("https://ci.example/jwks", json={"keys": [jwk]})
    options = {
        "url": "https://ci.example/jwks",
        "issuer": "https://ci.example",
        "audience": "callboard",
        "subjectPrefix": "ci",
    }
    settings = {"backend": {"auth": {"externalAccess": [{"type": "jwks", "options": options}]}}}
    auth = make_small_portal(settings, transport=http).auth
    now = int(clock.now().timestamp())
    header = {"alg": "ES256", "kid": "k1"}
    claims = {"iss": "https://ci.example", "aud": "callboard", "sub": "build", "exp": now + 60}
    actor = await auth.authenticate(scope(f"Bearer {signed(key, header, claims)}"))
    assert (actor.type, actor.subject) == ("service", "external:ci:build")
    for token in (
        signed(key, header, {**claims, "iss": "https://other.example"}), signed(key, header, {**claims, "aud": "other"}),
        signed(key, {**header, "kid": "k2"}, claims), signed(key, {**header, "kid": "k3"}, claims),
        signed(ECKey.generate_key("P-256"), header, claims), forged({**header, "alg": "none"}, claims),
    ):  # fmt: skip
        with pytest.raises(IllegalToken):
            await auth.authenticate(scope(f"Bearer {token}"))
    assert len(http.requests_to("https://ci.example/jwks")) == 1


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        ({"type": "static", "options": {"token": "short", "subject": "x"}}, "options.token"),
        ({"type": "static", "options": {"token": "long-enough", "subject": "a b"}}, "options.subject"),
        ({"type": "magic"}, "type"),
        ({"type": "jwks", "options": {"url": "https://x.example", "algorithm": "HS256"}}, "options.algorithm"),
        (
            {"type": "static", "options": {"token": "long-enough", "subject": "x"}, "accessRestrictions": []},
            "accessRestrictions",
        ),
    ],
)
async def test_external_access_that_cannot_be_used_is_named(make_small_portal: Any, entry: Any, field: str) -> None:
    """The error carries the key at fault."""
    with pytest.raises(InputError) as failed:
        make_small_portal({"backend": {"auth": {"externalAccess": [entry]}}})
    assert failed.value.field == f"backend.auth.externalAccess[0].{field}"


# ---- guests ----------------------------------------------------------------------------------------------------------

LOOPBACK = {"backend": {"listen": "127.0.0.1:7007"}}
WORLD = {"backend": {"listen": ":7007"}}
NAMED = {"auth": {"providers": {"guest": {}}}}
BY_NAME = {"auth": {"providers": {"guest": {"dangerouslyAllowOutsideDevelopment": True}}}}


@pytest.mark.parametrize(
    ("settings", "demo", "ambient", "offered"),
    [
        (None, False, True, True),
        (None, True, True, True),
        (LOOPBACK, False, False, False),
        (LOOPBACK | NAMED, False, False, True),
        (LOOPBACK, True, True, True),
        (WORLD, False, False, False),
        (WORLD | NAMED, False, False, False),
        (WORLD | BY_NAME, False, False, True),
        (WORLD | BY_NAME, True, True, True),
    ],
)
async def test_guests_by_how_the_portal_was_started(
    make_small_portal: Any, settings: Any, demo: bool, ambient: bool, offered: bool
) -> None:
    """The table of who gets in: demo, no settings, settings; on this machine and beyond."""
    auth = make_small_portal(settings, demo=demo).auth
    actor = await auth.authenticate(scope())
    assert (actor.subject == GUEST) == ambient
    assert ("guest" in [p.id for p in auth.providers]) == offered


async def test_a_demo_that_strangers_can_reach_is_refused(make_small_portal: Any) -> None:
    """Unless the settings allow guests by name."""
    with pytest.raises(InputError, match="--host 127.0.0.1"):
        make_small_portal(WORLD, demo=True)


async def test_a_guest_comes_from_this_machine_by_its_name(make_small_portal: Any) -> None:
    """Another address, a proxy, or a page whose host name was made to point here gets no guest."""
    auth = make_small_portal(None).auth
    far = {**scope(), "client": ("192.0.2.7", 1)}
    for request in (far, scope(host="evil.example:7007"), scope(x_forwarded_for="192.0.2.7")):
        assert await auth.authenticate(request) is ANONYMOUS
    assert (await auth.authenticate(scope(host="[::1]:7007"))).subject == GUEST
