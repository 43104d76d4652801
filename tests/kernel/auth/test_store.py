"""The SQL of identity, alike on both engines."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.auth.providers import Identity, SignInAttempt
from callboard.kernel.auth.users import UserExists
from callboard.kernel.db.migrations import upgrade
from callboard.kernel.migrations import MIGRATIONS

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery"


async def test_everything_about_a_user_is_kept_and_goes_with_them(db: Any, make_small_portal: Any) -> None:
    """User, session, token, user info, settings and keys are written, read, changed and removed."""
    await upgrade(db, [MIGRATIONS])
    portal = make_small_portal({}, db=db)
    auth = portal.auth
    user = await auth.users.create_user(
        "Ada", password=PASSWORD, email="ada@example.com", roles=["editor"], actor=SYSTEM
    )
    with pytest.raises(UserExists):
        await auth.users.create_user("ada2", password=None, email="ada@example.com", actor=SYSTEM)
    changed = await auth.users.update_user("ada", roles=["admin"], display_name="Ada L.", actor=SYSTEM)
    assert (user.roles, changed.roles, await auth.users.list_users(actor=SYSTEM)) == (
        ("editor",),
        ("admin",),
        [changed],
    )
    begun = await auth.sign_in("local", SignInAttempt({"username": "ada@example.com", "password": PASSWORD}))
    assert begun.actor.roles == {"admin"}
    assert len(await auth.sessions.list_sessions(user.ref)) == 1
    row, text = await auth.api_tokens.create_token(
        "ci", scopes=["read"], expires_in=timedelta(days=1), actor=begun.actor
    )
    found = await auth.api_tokens.find_valid(text)
    assert found is not None
    assert found[0].id == row.id
    token = (await auth.issue_user_token(Identity(user.ref)))[0].token
    assert await auth.find_userinfo(user.ref) == {"sub": user.ref, "ent": [user.ref]}
    headers = {"authorization": f"Bearer {token}"}
    async with portal.client(headers=headers) as client:
        for value in (1, 2):
            await client.put("/api/user-settings/buckets/a/keys/b", json={"value": value})
        assert (await client.get("/api/user-settings/buckets/a/keys/b")).json()["value"] == 2
    await auth.users.delete_user("ada", actor=SYSTEM)
    assert await auth.sessions.list_sessions(user.ref) == []
    assert await auth.api_tokens.find_valid(text) is None
    assert await auth.users.find_by_ref(user.ref) is None
