"""``/api/permission/authorize``, and each plugin's permission metadata and ``apply-conditions``.

Source: Backstage permission-backend 0.7, permission-node; recorded answers.
"""

from __future__ import annotations

from typing import Any, Protocol, Sequence

from starlette.responses import Response

from callboard.kernel.auth.actor import Actor
from callboard.kernel.errors import InputError
from callboard.kernel.permissions import Condition, Permission, PermissionRule
from callboard.kernel.policy_file import parse_condition, resource_type_of
from callboard.kernel.web.request import Request
from callboard.kernel.web.responses import Json
from callboard.kernel.web.routing import Route
from callboard.kernel.wire.credentials import require_service, require_user

MAX_ITEMS = 1000
_ACTIONS = ("create", "read", "update", "delete")


class ResourceLoader(Protocol):
    """Tells whether single resources satisfy a condition. Offered by the feature that has them, by ``portal.service``."""

    resource_types: frozenset[str]

    async def match_resources(
        self, resource_type: str, refs: Sequence[str], predicate: Any, *, actor: Actor | None = None
    ) -> Sequence[bool | None]:
        """For each ref whether it satisfies ``predicate`` (None: always); None in the answer where there is no such thing.

        Refs are as clients wrote them. With ``actor``, what is hidden from them counts as absent; without, nothing is hidden
        from the question: the caller decides what to tell.
        """


def permission_routes(portal: Any) -> Sequence[Route]:
    """Routes of the permission plugin."""
    return [Route("/api/permission/authorize", _Authorize(portal).authorize, ("POST",), name="permission-authorize")]


class _Authorize:
    def __init__(self, portal: Any) -> None:
        self._portal = portal

    async def authorize(self, request: Request) -> Response:
        require_user(request.actor)
        body = await request.require_object()
        items = body.get("items")
        if not isinstance(items, list) or len(items) > MAX_ITEMS:
            raise InputError(f"items must be a list of at most {MAX_ITEMS}.", field="items")
        asked = [_parse_item(item, i) for i, item in enumerate(items)]
        for _, permission, refs in asked:
            if permission.resource_type is not None and refs is None:
                raise InputError(
                    "Resource permissions require a resourceRef to be set. Direct user requests without a resourceRef are not"
                    " allowed."
                )
        return Json({"items": [await self._answer(request.actor, *item) for item in asked]})

    async def _answer(
        self, actor: Actor, id: str, permission: Permission, refs: str | list[str] | None
    ) -> dict[str, Any]:
        permissions = self._portal.permissions
        permission = permissions.find_permission(permission.name) or permission
        decision = permissions.decide(actor, permission)
        wanted = [refs] if isinstance(refs, str) else refs
        if decision.result == "CONDITIONAL" and wanted is not None:
            loader = find_loader(self._portal, permission.resource_type or "")
            predicate = permissions.compile(decision.condition)
            type = permission.resource_type or ""
            found = await loader.match_resources(type, wanted, predicate, actor=actor) if loader else ()
            results = ["ALLOW" if ok else "DENY" for ok in found] or ["DENY"] * len(wanted)
        else:
            results = [decision.result if decision.result != "CONDITIONAL" else "DENY"] * len(wanted or ("",))
        return {"id": id, "result": results if isinstance(refs, list) else results[0]}


def find_loader(portal: Any, resource_type: str) -> ResourceLoader | None:
    """Who knows resources of this type, if anybody."""
    loader: ResourceLoader | None = portal.find_service(ResourceLoader)
    return loader if loader is not None and resource_type in loader.resource_types else None


def _parse_item(item: Any, index: int) -> tuple[str, Permission, str | list[str] | None]:
    path = f"items[{index}]"
    if not isinstance(item, dict) or not isinstance(item.get("id"), str):
        raise InputError(
            f"{path} must be an object with id, permission and, if need be, resourceRef.", field=f"{path}.id"
        )
    given = item.get("permission")
    if not isinstance(given, dict) or not isinstance(given.get("name"), str):
        raise InputError(
            f"{path}.permission must be an object with type, name and attributes.", field=f"{path}.permission"
        )
    kind, attributes = given.get("type"), given.get("attributes")
    if kind not in ("basic", "resource") or not isinstance(attributes, dict):
        raise InputError(
            f"{path}.permission has type basic or resource, and attributes.", field=f"{path}.permission.type"
        )
    action, resource_type = attributes.get("action"), given.get("resourceType")
    if action is not None and action not in _ACTIONS:
        raise InputError(
            f"{path}: the action is one of {', '.join(_ACTIONS)}.", field=f"{path}.permission.attributes.action"
        )
    if kind == "resource" and not isinstance(resource_type, str):
        raise InputError(f"{path}: a resource permission has a resourceType.", field=f"{path}.permission.resourceType")
    permission = Permission(given["name"], action, resource_type if kind == "resource" else None)
    return item["id"], permission, _parse_refs(item.get("resourceRef"), path)


def _parse_refs(refs: Any, path: str) -> str | list[str] | None:
    if refs is None or isinstance(refs, str):
        return refs
    if isinstance(refs, list) and refs and len(refs) <= MAX_ITEMS and all(isinstance(ref, str) for ref in refs):
        return refs
    raise InputError(
        f"{path}.resourceRef must be text, or a list of 1 to {MAX_ITEMS} texts.", field=f"{path}.resourceRef"
    )


# ---- what every plugin answers ---------------------------------------------------------------------------------------


def format_permission(permission: Permission) -> dict[str, Any]:
    """Backstage's form of a permission."""
    attributes = {} if permission.action is None else {"action": permission.action}
    if permission.resource_type is None:
        return {"type": "basic", "name": permission.name, "attributes": attributes}
    return {
        "type": "resource", "name": permission.name, "attributes": attributes, "resourceType": permission.resource_type,
    }  # fmt: skip


def format_rule(rule: PermissionRule) -> dict[str, Any]:
    return {
        "name": rule.name,
        "description": rule.description,
        "resourceType": rule.resource_type,
        "paramsSchema": dict(rule.params_schema),
    }


def metadata_of(portal: Any, plugin: str) -> dict[str, Any]:
    """Permissions of one plugin (by the first word of their names), and the rules for their resource types."""
    permissions = [p for p in portal.permissions.permissions if p.name.partition(".")[0] == plugin]
    types = {p.resource_type for p in permissions}
    rules = [rule for rule in portal.permissions.rules if rule.resource_type in types]
    return {"permissions": [format_permission(p) for p in permissions], "rules": [format_rule(rule) for rule in rules]}


async def apply_conditions(portal: Any, request: Request) -> Response:
    """Which resources satisfy conditions that a policy gave. For services: the answer tells of resources one may not see."""
    require_service(request.actor)
    body = await request.require_object()
    items = body.get("items")
    if not isinstance(items, list) or len(items) > MAX_ITEMS:
        raise InputError(f"items must be a list of at most {MAX_ITEMS}.", field="items")
    parsed = [_parse_conditional(item, i) for i, item in enumerate(items)]
    return Json({"items": [await _apply(portal, *item) for item in parsed]})


def _parse_conditional(item: Any, index: int) -> tuple[str, str, str | list[str], Condition]:
    path = f"items[{index}]"
    if (
        not isinstance(item, dict)
        or not isinstance(item.get("id"), str)
        or not isinstance(item.get("resourceType"), str)
    ):
        raise InputError(f"{path} must have id, resourceRef, resourceType and conditions.", field=path)
    refs = _parse_refs(item.get("resourceRef"), path)
    if refs is None:
        raise InputError(f"{path} must have a resourceRef.", field=f"{path}.resourceRef")
    condition = parse_condition(
        item.get("conditions"),
        (path, "conditions"),
        lambda at, message: InputError(message, field=".".join(map(str, at))),
    )
    if resource_type_of(condition) != item["resourceType"]:
        raise InputError(f"{path}: the conditions are of another resourceType.", field=f"{path}.resourceType")
    return item["id"], item["resourceType"], refs, condition


async def _apply(
    portal: Any, id: str, resource_type: str, refs: str | list[str], condition: Condition
) -> dict[str, Any]:
    predicate = portal.permissions.compile(condition)
    loader = find_loader(portal, resource_type)
    if loader is None:
        raise InputError(f"Nothing here has resources of type {resource_type}.", field="resourceType")
    found = await loader.match_resources(resource_type, [refs] if isinstance(refs, str) else refs, predicate)
    results = ["ALLOW" if ok else "DENY" for ok in found]
    return {"id": id, "result": results if isinstance(refs, list) else results[0]}
