"""Actors as JSON: a job acts with the rights of who asked for it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Mapping

import orjson

from callboard.kernel.auth.actor import AccessRestriction, Actor


def dump_actor(actor: Actor) -> bytes:
    return orjson.dumps(asdict(actor), default=sorted)


def actor_of(said: Mapping[str, Any]) -> Actor:
    given = dict(said)
    given["ownership"], given["roles"] = frozenset(given["ownership"]), frozenset(given["roles"])
    given["scopes"] = None if given["scopes"] is None else frozenset(given["scopes"])
    given["restrictions"] = tuple(
        AccessRestriction(one["plugin"], frozenset(one["permissions"]), frozenset(one["actions"]))
        for one in given["restrictions"]
    )
    return Actor(**given)
