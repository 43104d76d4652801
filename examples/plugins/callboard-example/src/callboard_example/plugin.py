"""The wiring: what the plugin offers. Every hook returns values and changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping, Sequence

from markupsafe import Markup

from callboard.features.catalog.interface import READ_ENTITY, CatalogQueries, EntityDocument, EntityProvider, EntityTab
from callboard.kernel.actions import Action, ActionAttributes, ActionContext
from callboard.kernel.errors import InputError
from callboard.kernel.plugins.hooks import hookimpl
from callboard.kernel.settings import Setting
from callboard.model.predicates import Any_, HasKey, has_value
from callboard.model.refs import EntityRef, RefError
from callboard_example.duty import Duty, person_ref
from callboard_example.kind import COVERED_BY, ROTA
from callboard_example.provider import RotaProvider
from callboard_example.tab import render_duty

_ENTITY_REF = {
    "type": "string",
    "minLength": 1,
    "description": "What one wants to know it for: component:default/shop.",
}
_TURN = {
    "type": "object",
    "required": ["rota", "personRef", "startsAt", "endsAt"],
    "properties": {name: {"type": "string"} for name in ("rota", "personRef", "startsAt", "endsAt")},
}


@hookimpl
def register_settings() -> Sequence[Setting]:
    return [
        Setting("plugins.rota.file", "text", None, None, "YAML file with the rotas; without it there are none."),
        Setting("plugins.rota.readEvery", "duration", "60s", None, "How often the file is read again."),
    ]


@hookimpl
def register_kinds() -> Sequence[Mapping[str, Any]]:
    return [ROTA]


@hookimpl
def register_catalog_providers(portal: Any) -> Sequence[EntityProvider]:
    file = portal.settings.get_str("plugins.rota.file", None)
    if not file:
        return []
    every = portal.settings.get_duration("plugins.rota.readEvery", "60s")
    return [RotaProvider(Path(file), every_s=every.total_seconds())]


@hookimpl
def register_entity_tabs(portal: Any) -> Sequence[EntityTab]:
    async def render(entity: EntityDocument, request: Any) -> Markup:
        rotas = await Duty(portal.service(CatalogQueries)).rotas_of(entity, actor=request.actor)
        return render_duty(rotas, portal.clock.now())

    covered_or_rota = Any_((HasKey(f"relations.{COVERED_BY}".lower()), has_value("kind", ["rota"])))
    return [EntityTab("on-call", "On call", render, shown=covered_or_rota, rank=60)]


@hookimpl
def register_actions(portal: Any) -> Sequence[Action]:
    async def who_is_on_call(context: ActionContext) -> Mapping[str, Any]:
        try:
            ref = EntityRef.parse(context.input["entityRef"])
        except RefError as error:
            raise InputError(str(error), field="entityRef") from error
        duty = Duty(portal.service(CatalogQueries))
        turns = await duty.list_turns(ref, portal.clock.now(), actor=context.actor)
        return {
            "turns": [
                {
                    "rota": turn.rota,
                    "personRef": str(person_ref(turn.person)),
                    "startsAt": turn.starts_at.isoformat(),
                    "endsAt": turn.ends_at.isoformat(),
                }
                for turn in turns
            ]
        }

    return [
        Action(
            id="rota:who-is-on-call",
            title="Who is on call",
            description="Names the people who are on call for an entity right now, one for each rota that covers it.",
            handler=who_is_on_call,
            input_schema={
                "type": "object",
                "required": ["entityRef"],
                "properties": {"entityRef": _ENTITY_REF},
                "additionalProperties": False,
            },
            output_schema={
                "type": "object",
                "required": ["turns"],
                "properties": {"turns": {"type": "array", "items": _TURN}},
            },
            attributes=ActionAttributes(read_only=True, idempotent=True),
            permission=READ_ENTITY,
        )
    ]
