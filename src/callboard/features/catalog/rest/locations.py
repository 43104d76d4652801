"""Routes that write or look at sources: locations, refresh, analysis, validation, and what never came through."""

from __future__ import annotations

import re
from typing import Any, Literal, Mapping, Sequence

import orjson

from callboard.features.catalog.interface import CatalogCommands, EntityNotFound, Finding, Location, LocationNotFound
from callboard.features.catalog.rest import schemas
from callboard.features.catalog.rest.answers import Answer, empty_answer, json_answer
from callboard.features.catalog.rest.calls import Call
from callboard.features.catalog.rest.cursors import decode_text, encode_json
from callboard.features.catalog.rest.parameters import Parameter, is_truthy, read_parameters
from callboard.features.catalog.rest.requests import parse_nothing, read_query
from callboard.kernel.errors import InputError
from callboard.model.predicates import EVERYTHING, matches
from callboard.model.refs import EntityRef, LocationRef, RefError
from callboard.model.terms import Terms

DEFAULT_LOCATIONS_PAGE = 1000
CREATE_PARAMETERS = (
    Parameter("dryRun", description="Truthy: process the location and what it leads to, write nothing."),
    Parameter("onConflict", enum=("refresh", "reject"), description="What to do where it is registered already."),
)
OWNER_PARAMETERS = (Parameter("owner", description="Only entities with this owner."),)
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S")


class LocationRoutes:
    """Handlers over ``CatalogCommands``; permission and audit are the service's."""

    def __init__(self, commands: CatalogCommands) -> None:
        self._commands = commands

    async def list(self, call: Call) -> Answer:
        parse_nothing(call.raw_query)
        locations = await self._commands.list_locations(actor=call.actor)
        return json_answer([{"data": _location(location)} for location in locations])

    async def create(self, call: Call) -> Answer:
        """201 either way: what was registered, or in a dry run what would come of it."""
        values = read_parameters(call.raw_query, CREATE_PARAMETERS)
        location = _ref(await call.json(schemas.LOCATION_BODY))
        if is_truthy(values.get("dryRun")):
            found = await self._commands.dry_run_location(location, actor=call.actor)
            shown = {
                "type": found.location.type,
                "target": found.location.target,
                "id": found.location.id,
                "entityRef": found.location.entity_ref,
            }
            return json_answer(
                {"exists": found.exists, "location": shown, "entities": list(found.entities)}, status=201
            )
        conflict: Literal["refresh", "reject"] = "refresh" if values.get("onConflict") == "refresh" else "reject"
        created = await self._commands.create_location(location, on_conflict=conflict, actor=call.actor)
        return json_answer({"location": _location(created), "entities": []}, status=201)

    async def get(self, call: Call) -> Answer:
        parse_nothing(call.raw_query)
        location_id = call.path_params["id"]
        try:
            found = await self._commands.get_location(location_id, actor=call.actor)
        except LocationNotFound:
            raise _no_location(location_id) from None
        return json_answer(_location(found))

    async def update(self, call: Call) -> Answer:
        parse_nothing(call.raw_query)
        location_id = call.path_params["id"]
        location = _ref(await call.json(schemas.LOCATION_BODY))
        try:
            updated = await self._commands.update_location(location_id, location, actor=call.actor)
        except LocationNotFound:
            raise _no_location(location_id) from None
        return json_answer(_location(updated))

    async def delete(self, call: Call) -> Answer:
        parse_nothing(call.raw_query)
        location_id = call.path_params["id"]
        try:
            await self._commands.delete_location(location_id, actor=call.actor)
        except LocationNotFound:
            raise _no_location(location_id) from None
        return empty_answer(204)

    async def by_entity(self, call: Call) -> Answer:
        parse_nothing(call.raw_query)
        ref = EntityRef(**call.path_params)
        try:
            found = await self._commands.get_location_by_entity(ref, actor=call.actor)
        except EntityNotFound:
            raise EntityNotFound(ref, f"found no entity for ref {ref}") from None
        return json_answer(_location(found))

    async def query(self, call: Call) -> Answer:
        """``POST /locations/by-query``: in the order of ids, a cursor where more follow."""
        parse_nothing(call.raw_query)
        body = await call.json(schemas.LOCATIONS_QUERY_BODY)
        limit, after, query = _locations_page(body)
        predicate = read_query(query) if query is not None else EVERYTHING
        known = sorted(await self._commands.list_locations(actor=call.actor), key=lambda location: location.id)
        wanted = [location for location in known if matches(predicate, _terms(location))]
        rest = [location for location in wanted if after is None or location.id > after]
        page = rest[:limit]
        info: dict[str, Any] = {}
        if len(rest) > limit:
            cursor = {"limit": limit, "afterId": page[-1].id}
            info["nextCursor"] = encode_json(cursor if query is None else {**cursor, "query": query})
        items = [
            {"id": location.id, "target": location.target, "type": location.type, "entityRef": location.entity_ref}
            for location in page
        ]
        return json_answer({"items": items, "totalItems": len(wanted), "pageInfo": info})

    async def refresh(self, call: Call) -> Answer:
        parse_nothing(call.raw_query)
        asked = (await call.json(schemas.REFRESH_BODY))["entityRef"]
        try:
            await self._commands.refresh(EntityRef.parse(asked), actor=call.actor)
        except (EntityNotFound, RefError):
            raise EntityNotFound(asked, f"Entity {asked} not found") from None
        return empty_answer(200)

    async def delete_entity(self, call: Call) -> Answer:
        parse_nothing(call.raw_query)
        await self._commands.delete_by_uid(call.path_params["uid"], actor=call.actor)
        return empty_answer(204)

    async def analyze(self, call: Call) -> Answer:
        parse_nothing(call.raw_query)
        body = await call.json(schemas.ANALYZE_BODY)
        given = body["location"]
        if not _ABSOLUTE.match(given["target"]):
            raise InputError("The given location.target is not a URL", field="location.target")
        found = await self._commands.analyze_location(
            LocationRef(given["type"], given["target"]),
            catalog_filename=body.get("catalogFilename"),
            actor=call.actor,
        )
        return json_answer(found)

    async def validate(self, call: Call) -> Answer:
        """200 without a body where the entity is good, else 400 with ``{"errors": […]}``."""
        parse_nothing(call.raw_query)
        body = await call.json(schemas.VALIDATE_BODY)
        try:
            location = LocationRef.parse(body["location"])
        except RefError as error:
            return _invalid([{"name": "TypeError", "message": str(error)}])
        if location.type != "url":
            message = (
                f"Invalid location ref {body['location']}, only 'url:<target>' is supported, e.g. url:https://host/path"
            )
            return _invalid([{"name": "TypeError", "message": message}])
        findings = await self._commands.validate_entity(body["entity"], location, actor=call.actor)
        errors = [_serialised(finding) for finding in findings if finding.severity == "error"]
        return _invalid(errors) if errors else empty_answer(200)

    async def failed(self, call: Call) -> Answer:
        return await self._unprocessed("failed", call)

    async def pending(self, call: Call) -> Answer:
        return await self._unprocessed("pending", call)

    async def _unprocessed(self, state: Any, call: Call) -> Answer:
        values = read_parameters(call.raw_query, OWNER_PARAMETERS)
        found = await self._commands.list_unprocessed(state, owner=values.get("owner"), actor=call.actor)
        return json_answer({"type": state, "entities": list(found)})

    async def delete_unprocessed(self, call: Call) -> Answer:
        parse_nothing(call.raw_query)
        await self._commands.delete_unprocessed(call.path_params["entity_id"], actor=call.actor)
        return empty_answer(204)


def _location(location: Location) -> dict[str, str]:
    return {
        "id": location.id,
        "type": location.type,
        "target": location.target,
        "entityRef": location.entity_ref,
    }


def _ref(body: Mapping[str, Any]) -> LocationRef:
    return LocationRef(body["type"], body["target"])


def _no_location(location_id: str) -> LocationNotFound:
    return LocationNotFound(f"Found no location with ID {location_id}")


def _terms(location: Location) -> Terms:
    return {key.lower(): {value.lower(): value} for key, value in _location(location).items()}


def _locations_page(body: Mapping[str, Any]) -> tuple[int, str | None, Any]:
    """Limit, the id after which to go on, and the query: of the cursor where there is one."""
    if "cursor" not in body:
        return int(body.get("limit", DEFAULT_LOCATIONS_PAGE)), None, body.get("query")
    try:
        cursor = orjson.loads(decode_text(body["cursor"]))
    except orjson.JSONDecodeError:
        cursor = None
    if (
        not isinstance(cursor, dict)
        or type(cursor.get("limit")) is not int
        or cursor["limit"] < 1
        or not isinstance(cursor.get("afterId"), str)
    ):
        raise InputError("Malformed cursor, could not be parsed", field="cursor")
    return cursor["limit"], cursor["afterId"], cursor.get("query")


def _invalid(errors: Sequence[Mapping[str, Any]]) -> Answer:
    return json_answer({"errors": list(errors)}, status=400)


def _serialised(finding: Finding) -> dict[str, Any]:
    """A finding as a serialised JavaScript error: a message that names its cause carries it once more, on its own."""
    error: dict[str, Any] = {"name": finding.name, "message": finding.message}
    _, marker, cause = finding.message.partition("; caused by ")
    name, colon, message = cause.partition(": ")
    if marker and colon:
        error["cause"] = {"name": name, "message": message}
    return error
