"""``/api/catalog/v1/resolve``: by-name answers as Backstage does, for present names only; this one knows earlier names, too."""

from __future__ import annotations

from typing import Any

from callboard.features.catalog.interface import CatalogQueries, EntityNotFound
from callboard.features.catalog.interface.aliases import CatalogAliases
from callboard.features.catalog.rest.answers import Answer, json_answer
from callboard.features.catalog.rest.calls import Call
from callboard.features.catalog.rest.parameters import Parameter, read_parameters
from callboard.kernel.clock import format_time
from callboard.kernel.errors import InputError
from callboard.model.refs import EntityRef, RefError

PARAMETERS = (Parameter("ref", required=True, description="Entity ref, maybe one that the entity had before."),)


class ResolveRoute:
    def __init__(self, queries: CatalogQueries, aliases: CatalogAliases | None) -> None:
        self._queries = queries
        self._aliases = aliases

    async def resolve(self, call: Call) -> Answer:
        """The present ref; with ``alias`` where the one asked for is an earlier one."""
        asked = read_parameters(call.raw_query, PARAMETERS)["ref"]
        try:
            ref = str(EntityRef.parse(asked))
        except RefError as error:
            raise InputError(str(error), field="ref") from None
        if await self._queries.find_raw(ref, actor=call.actor) is not None:
            return json_answer({"entityRef": ref})
        alias = await self._aliases.resolve(ref, actor=call.actor) if self._aliases is not None else None
        if alias is None:
            raise EntityNotFound(ref)
        told: dict[str, Any] = {
            "ref": alias.old, "reason": alias.reason, "note": alias.note, "at": format_time(alias.at), "by": alias.by,
        }  # fmt: skip
        return json_answer({"entityRef": alias.new, "alias": told})
