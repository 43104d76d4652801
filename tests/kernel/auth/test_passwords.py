"""How passwords are hashed as shipped; other tests hash cheaply (``cheap_passwords``)."""

from __future__ import annotations

from typing import Any, Iterator

import pytest

from callboard.kernel.auth import passwords
from callboard.kernel.auth.passwords import Passwords

pytestmark = pytest.mark.anyio
AS_SHIPPED = "$argon2id$v=19$m=65536,t=3,p=4$"
"""RFC 9106, section 4, second recommended option."""


@pytest.fixture
def costly(cheap_passwords: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Passwords]:
    monkeypatch.setattr(passwords, "_hasher", cheap_passwords)
    passwords._decoy.cache_clear()
    yield Passwords()
    passwords._decoy.cache_clear()


async def test_a_hash_costs_what_the_rfc_asks_for(costly: Passwords) -> None:
    """Memory, passes and lanes; each hash has its own salt, and only the right password gives it."""
    first, second = await costly.hash("a sheet of paper"), await costly.hash("a sheet of paper")
    assert first.startswith(AS_SHIPPED) and first != second
    assert await costly.verify(first, "a sheet of paper")
    assert not await costly.verify(first, "a sheet of papers")


async def test_nobody_costs_as_much_as_somebody(costly: Passwords) -> None:
    """For a name that is not there the same work is done, on a hash of the same cost."""
    assert not await costly.verify(None, "nobody has this password")
    assert passwords._decoy.cache_info().currsize == 1
    assert passwords._decoy().startswith(AS_SHIPPED)


async def test_a_cheaper_hash_is_outdated(costly: Passwords) -> None:
    """It is still good for signing in, and told to be made anew."""
    now = await costly.hash("a sheet of paper")
    old = "$argon2id$v=19$m=64,t=1,p=1$" + now.split("$", 4)[4]
    assert costly.is_outdated(old) and not costly.is_outdated(now)
