"""Groups and users of GitLab as entities.

A group's name is its full path without the configured group, ``/`` written ``-`` (``acme/platform/core`` below ``acme`` is
``platform-core``). Members are the direct ones, or with ``relations: [INHERITED]`` those of the parents, too.
"""

from __future__ import annotations

import re
from typing import Any, Mapping, Sequence
from urllib.parse import quote

from callboard.features.catalog.interface import EntityDocument
from callboard.integrations.gitlab.client import GitlabHost
from callboard.kernel.discovery import entity_name
from callboard.kernel.errors import ConflictError
from callboard.kernel.remote_api import RemoteApi
from callboard.model.locations import given_entity
from callboard.model.refs import LocationRef


async def read_organization(
    api: RemoteApi,
    host: GitlabHost,
    *,
    root: str,
    group_pattern: re.Pattern[str],
    user_pattern: re.Pattern[str],
    only_members: bool,
    inherited: bool,
) -> list[EntityDocument]:
    """Group entities, then User entities, each in order of name.

    Args:
        root: Full path of the group to start at; empty for the whole instance.
        only_members: Users are the members of the groups found, not all of the instance.
        inherited: Members of parent groups count as members.

    Raises:
        ConflictError: two groups would have one name.
    """
    groups = [g for g in await _list_groups(api, host, root) if group_pattern.search(g["full_path"])]
    members: dict[int, list[dict[str, Any]]] = {}
    users: dict[str, Mapping[str, Any]] = {}
    for group in groups:
        listing = "members/all" if inherited else "members"
        found = await api.list_items(f"{host.api_url}/groups/{group['id']}/{listing}?per_page=100")
        people = [member for member in found if _is_person(member) and user_pattern.search(member["username"])]
        members[group["id"]] = people
        users.update((member["username"], member) for member in people)
    if not only_members:
        everyone = await api.list_items(f"{host.api_url}/users?active=true&without_project_bots=true&per_page=100")
        users.update((u["username"], u) for u in everyone if _is_person(u) and user_pattern.search(u["username"]))
    names = _names(groups, root)
    member_of: dict[str, list[str]] = {}
    for group in groups:
        for member in members[group["id"]]:
            member_of.setdefault(member["username"], []).append(names[group["id"]])
    return [
        *_group_entities(host, groups, names, members),
        *(_user_entity(host, users[name], sorted(member_of.get(name, []))) for name in sorted(users)),
    ]


async def _list_groups(api: RemoteApi, host: GitlabHost, root: str) -> list[dict[str, Any]]:
    if not root:
        return await api.list_items(f"{host.api_url}/groups?per_page=100&order_by=id&sort=asc")
    url = f"{host.api_url}/groups/{quote(root, safe='')}"
    top = await api.get_json(f"{url}?with_projects=false")
    return [top, *await api.list_items(f"{url}/descendant_groups?per_page=100&order_by=id&sort=asc")]


def _is_person(user: Mapping[str, Any]) -> bool:
    return user.get("state", "active") == "active" and not user.get("bot")


def _names(groups: Sequence[Mapping[str, Any]], root: str) -> dict[int, str]:
    names: dict[int, str] = {}
    taken: dict[str, str] = {}
    for group in groups:
        path = str(group["full_path"])
        inner = path.removeprefix(f"{root}/") if root and path != root else path
        name = entity_name(inner.replace("/", "-"))
        if name.lower() in taken:
            raise ConflictError(
                f"The GitLab groups {taken[name.lower()]} and {path} would both be group {name}. Rename one."
            )
        taken[name.lower()] = path
        names[group["id"]] = name
    return names


def _group_entities(
    host: GitlabHost,
    groups: Sequence[Mapping[str, Any]],
    names: Mapping[int, str],
    members: Mapping[int, Sequence[Mapping[str, Any]]],
) -> list[EntityDocument]:
    children: dict[int, list[str]] = {}
    for group in groups:
        if group.get("parent_id") in names:
            children.setdefault(group["parent_id"], []).append(names[group["id"]])
    entities = []
    for group in sorted(groups, key=lambda g: names[g["id"]]):
        profile = {"displayName": group.get("name") or names[group["id"]]}
        if group.get("avatar_url"):
            profile["picture"] = group["avatar_url"]
        spec: dict[str, Any] = {
            "type": "team",
            "profile": profile,
            "children": sorted(children.get(group["id"], [])),
            "members": sorted(entity_name(member["username"]) for member in members[group["id"]]),
        }
        if group.get("parent_id") in names:
            spec["parent"] = names[group["parent_id"]]
        annotations = {f"{host.host.partition(':')[0]}/team-path": group["full_path"]}
        entities.append(
            given_entity(
                "Group",
                names[group["id"]],
                LocationRef("url", group["web_url"]),
                spec=spec,
                annotations=annotations,
                description=group.get("description"),
            )
        )
    return entities


def _user_entity(host: GitlabHost, user: Mapping[str, Any], member_of: list[str]) -> EntityDocument:
    profile = {"displayName": user.get("name") or user["username"]}
    if email := user.get("public_email") or user.get("email"):
        profile["email"] = email
    if user.get("avatar_url"):
        profile["picture"] = user["avatar_url"]
    annotations = {f"{host.host.partition(':')[0]}/user-login": user["web_url"]}
    spec = {"profile": profile, "memberOf": member_of}
    location = LocationRef("url", user["web_url"])
    return given_entity("User", entity_name(user["username"]), location, spec=spec, annotations=annotations)
