"""Actors as JSON: a job acts with the rights of who asked for it, as they were then."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Mapping

import orjson

from callboard.kernel.auth.actor import AccessRestriction, Actor


def dump_actor(actor: Actor) -> dict[str, Any]:
    """Plain JSON values, for a payload."""
    written: dict[str, Any] = orjson.loads(orjson.dumps(asdict(actor), default=sorted))
    return written


def actor_of(said: Mapping[str, Any]) -> Actor:
    """What ``dump_actor`` wrote."""
    given = dict(said)
    given["ownership"], given["roles"] = frozenset(given["ownership"]), frozenset(given["roles"])
    given["scopes"] = None if given["scopes"] is None else frozenset(given["scopes"])
    given["restrictions"] = tuple(
        AccessRestriction(one["plugin"], frozenset(one["permissions"]), frozenset(one["actions"]))
        for one in given["restrictions"]
    )
    return Actor(**given)
