"""``/api/catalog/v1/definition…``: earlier definitions of an API, and what differs between any two."""

from __future__ import annotations

from typing import Any

from callboard.features.catalog.apis.changes import Change, Comparison
from callboard.features.catalog.apis.service import ApiDefinitions
from callboard.features.catalog.rest.answers import Answer, json_answer
from callboard.features.catalog.rest.calls import Call
from callboard.features.catalog.rest.parameters import Parameter, read_parameters
from callboard.kernel.clock import format_time
from callboard.kernel.errors import InputError
from callboard.model.refs import EntityRef, RefError
from callboard.ui.messages import Messages, Translator

VERSIONS_PARAMETERS = (Parameter("ref", required=True, description="Ref of an API."),)
DIFF_PARAMETERS = (
    Parameter("from", required=True, description="Ref of the API whose definition is the older one."),
    Parameter("to", description="Ref of the other one; the same API if not given."),
    Parameter(
        "fromVersion",
        "integer",
        minimum=1,
        description="An `id` of `definition-versions`; the definition of today if not given.",
    ),
    Parameter("toVersion", "integer", minimum=1, description="The same for `to`."),
)


def english() -> Translator:
    """The words of the rules, for programs."""
    return Messages.load(["callboard.features.catalog"]).translator()


def comparison_wire(comparison: Comparison, t: Translator) -> dict[str, Any]:
    """As REST and the command line tell it."""
    return {
        "format": comparison.format,
        "breaking": comparison.count("breaking"),
        "risky": comparison.count("risky"),
        "safe": comparison.count("safe"),
        "untold": comparison.untold,
        "isWhole": comparison.is_whole,
        "changes": [change_wire(change, t) for change in comparison.changes],
    }


def change_wire(change: Change, t: Translator) -> dict[str, Any]:
    given = {"place": change.place, "before": change.before, "after": change.after}
    wire = {"level": change.level, "sort": change.sort, "rule": change.rule, "subject": change.subject,
            "message": t(f"apis.rule.{change.rule}", **given)}  # fmt: skip
    return {**wire, **{key: value for key, value in given.items() if value}}


class DefinitionRoutes:
    """Handlers over ``ApiDefinitions``."""

    def __init__(self, definitions: ApiDefinitions) -> None:
        self._definitions = definitions

    async def versions(self, call: Call) -> Answer:
        """Earlier definitions of an API, newest first; ``id`` is the change of its history that ended each."""
        ref = _parse(read_parameters(call.raw_query, VERSIONS_PARAMETERS)["ref"], "ref")
        await self._definitions.definition(ref, None, actor=call.actor)
        found = await self._definitions.versions(ref, actor=call.actor)
        items = [
            {"id": v.id, "until": format_time(v.until), "actor": v.actor, "characters": len(v.text)} for v in found
        ]
        return json_answer({"items": items})

    async def diff(self, call: Call) -> Answer:
        """What differs, each change with its rule and level: breaking, risky or safe."""
        values = read_parameters(call.raw_query, DIFF_PARAMETERS)
        old = _parse(values["from"], "from")
        new = _parse(values["to"], "to") if "to" in values else old
        _, before, format = await self._definitions.definition(old, values.get("fromVersion"), actor=call.actor)
        _, after, other = await self._definitions.definition(new, values.get("toVersion"), actor=call.actor)
        if format != other:
            raise InputError(f"{old} is {format} and {new} is {other}: two of one format can be compared.", field="to")
        comparison = await self._definitions.compare(before, after, format)
        sides = {
            "from": str(old),
            "to": str(new),
            "fromVersion": values.get("fromVersion"),
            "toVersion": values.get("toVersion"),
        }
        return json_answer(
            {**{k: v for k, v in sides.items() if v is not None}, **comparison_wire(comparison, english())}
        )


def _parse(text: str, field: str) -> EntityRef:
    try:
        return EntityRef.parse(text)
    except RefError as error:
        raise InputError(str(error), field=field) from error
