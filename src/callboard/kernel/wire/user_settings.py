"""``/api/user-settings``: small JSON values that a user's browser keeps here. Source: Backstage user-settings-backend 0.4."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Sequence

from starlette.responses import Response

from callboard.kernel.clock import Clock
from callboard.kernel.db.interface import Database, Transaction
from callboard.kernel.errors import InputError, NotFoundError
from callboard.kernel.user_settings import UserSettings, require_may_write
from callboard.kernel.web.request import Request
from callboard.kernel.web.responses import Empty, Json
from callboard.kernel.web.routing import Route
from callboard.kernel.wire.credentials import require_user

if TYPE_CHECKING:
    from callboard.kernel.audit import Audit
    from callboard.kernel.signals import Signals

SIGNAL_CHANNEL = "user-settings"
MAX_NAME = 255
MAX_MULTIGET = 200


class SettingNotFound(NotFoundError):
    """The user has no value there. The message is Backstage's."""

    code = "user_settings.not_found"

    def __init__(self, bucket: str, key: str) -> None:
        super().__init__(f"Unable to find '{key}' in bucket '{bucket}'")


def user_settings_routes(db: Database, clock: Clock, audit: "Audit", signals: "Signals") -> Sequence[Route]:
    """Routes of the user-settings plugin. Each user sees their own values alone."""
    wire = _UserSettings(db, clock, audit, signals)
    one = "/api/user-settings/buckets/{bucket}/keys/{key}"
    return [
        Route(one, wire.get, name="user-settings-get"),
        Route(one, wire.put, ("PUT",), name="user-settings-put"),
        Route(one, wire.delete, ("DELETE",), name="user-settings-delete"),
        Route("/api/user-settings/multiget", wire.multiget, ("POST",), name="user-settings-multiget"),
    ]


class _UserSettings:
    def __init__(self, db: Database, clock: Clock, audit: "Audit", signals: "Signals") -> None:
        self._db = db
        self._signals = signals
        self._clock = clock
        self._values = UserSettings(db, clock)
        self._audit = audit

    async def get(self, request: Request) -> Response:
        bucket, key = _place(request)
        value = await self._values.find_text(request.actor.subject, bucket, key)
        if value is None:
            raise SettingNotFound(bucket, key)
        return Json({"bucket": bucket, "key": key, "value": json.loads(value)})

    async def put(self, request: Request) -> Response:
        require_may_write(request.actor)
        bucket, key = _place(request)
        body = await request.require_object()
        if "value" not in body:
            raise InputError("The body must have a value.", field="value")
        user = request.actor.subject
        async with self._db.write() as tx:
            await self._values.put(tx, user, bucket, key, body["value"])
            await self._audit.record(
                tx,
                "user-setting-write",
                actor=request.actor,
                severity="low",
                meta={"bucket": bucket, "key": key},
                request=request,
            )
            await self._tell(tx, user, "key-changed", key)
        return Json({"bucket": bucket, "key": key, "value": body["value"]})

    async def delete(self, request: Request) -> Response:
        require_may_write(request.actor)
        bucket, key = _place(request)
        async with self._db.write() as tx:
            gone = await self._values.delete(tx, request.actor.subject, bucket, key)
            if gone:
                await self._audit.record(
                    tx,
                    "user-setting-delete",
                    actor=request.actor,
                    severity="low",
                    meta={"bucket": bucket, "key": key},
                    request=request,
                )
                await self._tell(tx, request.actor.subject, "key-deleted", key)
        return Empty(204)

    async def _tell(self, tx: Transaction, user: str, type: str, key: str) -> None:
        """Backstage's words, for other pages that the user has open."""
        await self._signals.send(tx, SIGNAL_CHANNEL, {"type": type, "key": key}, users=[user])

    async def multiget(self, request: Request) -> Response:
        require_user(request.actor)
        body = await request.require_object()
        items = body.get("items")
        if not isinstance(items, list) or len(items) > MAX_MULTIGET:
            raise InputError(f"items must be a list of at most {MAX_MULTIGET}.", field="items")
        for i, item in enumerate(items):
            if (
                not isinstance(item, dict)
                or not isinstance(item.get("bucket"), str)
                or not isinstance(item.get("key"), str)
            ):
                raise InputError(f"items[{i}] must have bucket and key.", field=f"items[{i}]")
        found: list[Any] = []
        for item in items:
            value = await self._values.find_text(request.actor.subject, item["bucket"], item["key"])
            found.append(None if value is None else {"value": json.loads(value)})
        return Json({"items": found})


def _place(request: Request) -> tuple[str, str]:
    require_user(request.actor)
    bucket, key = request.path_params["bucket"], request.path_params["key"]
    if len(bucket) > MAX_NAME or len(key) > MAX_NAME:
        raise InputError(f"Bucket and key have at most {MAX_NAME} characters each.")
    return bucket, key
