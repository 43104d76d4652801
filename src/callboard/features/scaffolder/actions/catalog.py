"""``catalog:register``, ``catalog:write``, ``catalog:fetch``: thin over the catalog's services, as whoever started the task."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.features.catalog.interface import CatalogCommands, CatalogQueries, UrlReader
from callboard.features.scaffolder.actions.schemas import NOTHING, anything, example, fields, flag, mapping, text, texts
from callboard.features.scaffolder.actions.working import in_thread, inside, to_bytes
from callboard.features.scaffolder.actions.yaml_text import format_yaml
from callboard.features.scaffolder.sources import resolve
from callboard.kernel.actions import Action, ActionAttributes, ActionContext
from callboard.kernel.errors import CallboardError, InputError, NotFoundError
from callboard.model.refs import EntityRef, LocationRef, RefError

SOURCE_TEMPLATE = "backstage.io/source-template"
DEFAULT_FILE = "catalog-info.yaml"


class CatalogSteps:
    """Handlers that ask the catalog. Permissions are the catalog's own, for the actor of the step."""

    def __init__(self, queries: CatalogQueries, commands: CatalogCommands, readers: UrlReader) -> None:
        self._queries = queries
        self._commands = commands
        self._readers = readers

    async def register(self, context: ActionContext) -> Mapping[str, Any]:
        """Registered twice is a conflict unless ``optional``; so is a file that cannot be read."""
        url, optional = self._address(context.input), bool(context.input.get("optional"))
        location = LocationRef("url", url)
        context.log(f"Registering {url} in the catalog")
        output: dict[str, Any] = {"catalogInfoUrl": url}

        async def add() -> str:
            added = await self._commands.create_location(location, on_conflict="reject", actor=context.actor)
            return added.id

        try:
            if context.step is not None:
                await context.step.checkpoint(f"create.location.{url}", add)
            else:
                await add()
        except CallboardError:
            if not optional:
                raise
        try:
            tried = await self._commands.dry_run_location(location, actor=context.actor)
        except CallboardError:
            if not optional:
                raise
            return output
        entity = _main_entity(tried.entities)
        if entity is not None:
            output["entityRef"] = str(EntityRef.of(entity))
        return output

    def _address(self, given: Mapping[str, Any]) -> str:
        if given.get("catalogInfoUrl"):
            return str(given["catalogInfoUrl"])
        base = str(given["repoContentsUrl"])
        path = str(given.get("catalogInfoPath") or f"/{DEFAULT_FILE}")
        if not self._readers.handles(base):
            raise InputError(f"No integration found for host {base}", field="repoContentsUrl")
        return resolve(path, base, self._readers)

    async def fetch(self, context: ActionContext) -> Mapping[str, Any]:
        given = context.input
        optional = bool(given.get("optional"))
        one, many = given.get("entityRef"), given.get("entityRefs")
        output: dict[str, Any] = {}
        if not one and many is None:
            if optional:
                return output
            raise InputError("Missing entity reference or references", field="entityRef")
        if one:
            output["entity"] = (await self._find(context, [one], optional))[0]
        if many is not None:
            output["entities"] = await self._find(context, many, optional)
        return output

    async def _find(self, context: ActionContext, refs: Sequence[str], optional: bool) -> list[Any]:
        import orjson

        given = context.input
        parsed = []
        for ref in refs:
            try:
                parsed.append(
                    str(
                        EntityRef.parse(
                            ref,
                            default_kind=given.get("defaultKind"),
                            default_namespace=given.get("defaultNamespace") or "default",
                        )
                    )
                )
            except RefError as error:
                raise InputError(str(error)) from None
        raw = await self._queries.get_many_raw(parsed, actor=context.actor)
        for ref, found in zip(refs, raw, strict=True):
            if found is None and not optional:
                raise NotFoundError(f"Entity {ref} not found")
        return [None if found is None else orjson.loads(found) for found in raw]


def _main_entity(entities: Sequence[Any]) -> Any:
    """The first component that was not made up, else the first that was not, else the first."""
    named = [one for one in entities if not str(one["metadata"]["name"]).startswith("generated-")]
    components = [one for one in named if one["kind"] == "Component"]
    return next(iter([*components, *named, *entities]), None)


async def write(context: ActionContext) -> Mapping[str, Any]:
    """The entity with the annotation that tells its template."""
    path = inside(context.folder, context.input.get("filePath") or DEFAULT_FILE)
    entity = dict(context.input["entity"])
    ref = context.step.template.get("entityRef") if context.step is not None else None
    if ref:
        metadata = dict(entity.get("metadata") or {})
        metadata["annotations"] = {**(metadata.get("annotations") or {}), SOURCE_TEMPLATE: ref}
        entity["metadata"] = metadata
    context.log(f"Writing {path}")
    try:
        content = to_bytes(format_yaml(entity))
    except RecursionError:
        raise InputError("The entity is nested too deeply.", field="entity") from None
    await in_thread(context, lambda desk: desk.write(context.folder, path, content))
    return {}


def write_action() -> Action:
    return Action(
        "catalog:write", "Write a catalog file", "Writes the catalog-info.yaml for your template", write,
        input_schema=fields(
            {
                "filePath": text("Defaults to catalog-info.yaml", title="Catalog file path"),
                "entity": mapping("You can provide the same values used in the Entity schema.",
                                  title="Entity info to write catalog-info.yaml"),
            },
            ["entity"],
        ),
        output_schema=NOTHING, attributes=ActionAttributes(destructive=False, idempotent=True), supports_dry_run=True,
        needs_workspace=True,
        examples=[
            example("Write a catalog yaml file", "catalog:write",
                    {"entity": {"apiVersion": "backstage.io/v1alpha1", "kind": "Component",
                                "metadata": {"name": "test", "annotations": {}},
                                "spec": {"type": "service", "lifecycle": "production", "owner": "default/owner"}}}),
        ],
    )  # fmt: skip


def catalog_actions(steps: CatalogSteps) -> Sequence[Action]:
    optional = flag("Permit the registered location to optionally exist. Default: false", default=False)
    return [
        Action(
            "catalog:register", "Register a location",
            "Registers entities from a catalog descriptor file in the workspace into the software catalog.", steps.register,
            input_schema={
                **fields({}),
                "anyOf": [
                    fields(
                        {"catalogInfoUrl": text("An absolute URL pointing to the catalog info file location",
                                                title="Catalog Info URL"), "optional": optional},
                        ["catalogInfoUrl"],
                    ),
                    fields(
                        {"repoContentsUrl": text("An absolute URL pointing to the root of a repository directory tree",
                                                 title="Repository Contents URL"),
                         "catalogInfoPath": text("A relative path from the repo root pointing to the catalog info file, "
                                                 "defaults to /catalog-info.yaml", title="Catalog Info Path"),
                         "optional": optional},
                        ["repoContentsUrl"],
                    ),
                ],
            },
            output_schema=fields(
                {"entityRef": text("The ref of the entity that was registered"),
                 "catalogInfoUrl": text("The URL of the catalog info file")},
                ["catalogInfoUrl"],
            ),
            attributes=ActionAttributes(destructive=False),
            examples=[
                example("Register with the catalog", "catalog:register",
                        {"catalogInfoUrl": "http://github.com/backstage/backstage/blob/master/catalog-info.yaml"}),
                example("Register what was published", "catalog:register",
                        {"repoContentsUrl": "${{ steps.publish.output.repoContentsUrl }}",
                         "catalogInfoPath": "/catalog-info.yaml"}),
            ],
        ),
        Action(
            "catalog:fetch", "Fetch entities", "Returns entity or entities from the catalog by entity reference(s)",
            steps.fetch,
            input_schema=fields(
                {
                    "entityRef": text("Entity reference of the entity to get", title="Entity reference"),
                    "entityRefs": texts("Entity references of the entities to get", title="Entity references"),
                    "optional": flag("Allow the entity or entities to optionally exist. Default: false", default=False),
                    "defaultKind": text("The default kind"),
                    "defaultNamespace": text("The default namespace"),
                }
            ),
            output_schema=fields(
                {
                    "entity": anything("Object containing same values used in the Entity schema. Only when used with "
                                       "`entityRef` parameter."),
                    "entities": {"type": "array", "items": {},
                                 "description": "Array containing objects with same values used in the Entity schema. Only "
                                 "when used with `entityRefs` parameter."},
                }
            ),
            attributes=ActionAttributes(read_only=True, idempotent=True), supports_dry_run=True,
            examples=[
                example("Fetch entity by reference", "catalog:fetch", {"entityRef": "component:default/name"}),
                example("Fetch multiple entities by references", "catalog:fetch",
                        {"entityRefs": ["component:default/name"], "optional": True}),
            ],
        ),
    ]  # fmt: skip
