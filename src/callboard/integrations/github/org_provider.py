"""Teams and users of GitHub organisations as Group and User entities, by GraphQL (about one request for 50 teams or 100 users).

GraphQL, because REST lists the members of child teams among those of the parent, and one request a team would be dear.
Source of the settings: Backstage, ``catalog.providers.githubOrg`` (``id``, ``githubUrl``, ``orgs``, ``schedule``).
"""

from __future__ import annotations

from typing import Any, AsyncIterator, Mapping
from urllib.parse import urlsplit

from callboard.features.catalog.interface import (
    DeferredEntity,
    EntityDocument,
    FullMutation,
    ProviderConnection,
    SourceChange,
)
from callboard.integrations.github.client import GithubClient, GithubClients
from callboard.kernel.discovery import ProviderRow, concerns, deliver, entity_name
from callboard.kernel.errors import LimitError, NotFoundError, UnavailableError
from callboard.kernel.rate_budget import SECONDARY_FIRST_S
from callboard.kernel.remote_api import MAX_PAGES, RemoteApi
from callboard.model.locations import given_entity
from callboard.model.refs import LocationRef

TEAMS = """
query teams($org: String!, $cursor: String) {
  organization(login: $org) {
    teams(first: 50, after: $cursor) {
      pageInfo { hasNextPage endCursor }
      nodes {
        slug combinedSlug name description avatarUrl url
        parentTeam { slug }
        members(first: 100, membership: IMMEDIATE) {
          pageInfo { hasNextPage endCursor }
          nodes { login }
        }
      }
    }
  }
}
"""
TEAM_MEMBERS = """
query members($org: String!, $team: String!, $cursor: String) {
  organization(login: $org) {
    team(slug: $team) {
      members(first: 100, after: $cursor, membership: IMMEDIATE) {
        pageInfo { hasNextPage endCursor }
        nodes { login }
      }
    }
  }
}
"""
USERS = """
query users($org: String!, $cursor: String) {
  organization(login: $org) {
    membersWithRole(first: 100, after: $cursor) {
      pageInfo { hasNextPage endCursor }
      nodes { login name bio email avatarUrl url organizationVerifiedDomainEmails(login: $org) }
    }
  }
}
"""


class GithubOrgProvider:
    """An ``EntityProvider``; one for each id of ``catalog.providers.githubOrg``.

    With several organisations each one's groups are in a namespace of its name; users are always in ``default``.
    """

    def __init__(self, row: ProviderRow, clients: GithubClients) -> None:
        """Raises ``InputError`` with the key of a setting that cannot be used."""
        self.name = f"github-org-provider:{row.id}"
        self.every_s = row.every_s
        self._timeout_s = row.timeout_s
        url = urlsplit(row.get_text("githubUrl", "https://github.com"))
        self._client: GithubClient = clients.get(url.netloc)
        self._organizations = row.get_texts("orgs")
        if not self._organizations:
            one = row.find_text("organization") or url.path.strip("/").partition("/")[0]
            if not one:
                raise row.error("orgs", "must list at least one organisation.")
            self._organizations = (one,)

    async def run(self, connection: ProviderConnection) -> None:
        """Give all teams and users of all organisations, or fail as a whole. Raises ``CallboardError`` after telling."""
        name = f"GitHub organisation {', '.join(self._organizations)}"
        await deliver(self._read, connection, timeout_s=self._timeout_s, name=name)

    def is_affected(self, change: SourceChange) -> bool:
        """Teams and members of these organisations."""
        return (
            change.kind == "github"
            and change.what == "people"
            and any(concerns(change.urls, self._client.host.host, one) for one in self._organizations)
        )

    async def _read(self) -> FullMutation:
        groups: list[EntityDocument] = []
        users: dict[str, EntityDocument] = {}
        memberships: dict[str, list[str]] = {}
        for organization in self._organizations:
            api = (await self._client.api_for(organization, resource="graphql")).in_background()
            namespace = entity_name(organization).lower() if len(self._organizations) > 1 else "default"
            teams = [team async for team in self._iter_teams(api, organization)]
            groups.extend(team_groups(teams, namespace))
            for team in teams:
                for login in team["logins"]:
                    memberships.setdefault(login, []).append(f"group:{namespace}/{entity_name(team['slug'])}")
            async for user in self._iter_users(api, organization):
                users.setdefault(user["login"], user)
        entities = [*groups, *(user_entity(user, memberships.get(login, [])) for login, user in sorted(users.items()))]
        return FullMutation([DeferredEntity(entity, self.name) for entity in entities])

    async def _iter_teams(self, api: RemoteApi, organization: str) -> AsyncIterator[dict[str, Any]]:
        """Each team with ``logins``, the immediate members."""
        async for team in self._iter_nodes(api, TEAMS, {"org": organization}, "teams"):
            logins = [member["login"] for member in team["members"]["nodes"] if member]
            page = team["members"]["pageInfo"]
            if page["hasNextPage"]:
                variables = {"org": organization, "team": team["slug"]}
                rest = self._iter_nodes(api, TEAM_MEMBERS, variables, "team.members", cursor=page["endCursor"])
                logins += [member["login"] async for member in rest]
            yield {**team, "logins": sorted(set(logins))}

    def _iter_users(self, api: RemoteApi, organization: str) -> AsyncIterator[dict[str, Any]]:
        return self._iter_nodes(api, USERS, {"org": organization}, "membersWithRole")

    async def _iter_nodes(
        self, api: RemoteApi, query: str, variables: Mapping[str, Any], path: str, *, cursor: str | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        """Nodes of the connection at ``path`` below the organisation, page by page; all of them or an error."""
        for _ in range(MAX_PAGES):
            found = await self._ask(api, query, {**variables, "cursor": cursor})
            for step in path.split("."):
                found = found[step]
            for node in found["nodes"]:
                if node is None:
                    raise UnavailableError(
                        f"{api.name} hides a part of {path} of {variables['org']}; a part is no listing."
                    )
                yield node
            if not found["pageInfo"]["hasNextPage"]:
                return
            if not found["pageInfo"]["endCursor"] or found["pageInfo"]["endCursor"] == cursor:
                break
            cursor = found["pageInfo"]["endCursor"]
        raise UnavailableError(f"{api.name} pages without end through {path} of {variables['org']}.")

    async def _ask(self, api: RemoteApi, query: str, variables: Mapping[str, Any]) -> Any:
        """The organisation's part of the answer. GraphQL reports failures with status 200."""
        answer = await api.post_json(self._client.host.graphql_url, {"query": query, "variables": variables})
        errors = answer.get("errors") or []
        if any(error.get("type") in ("RATE_LIMITED", "RATE_LIMIT") for error in errors):
            failure = LimitError(f"{api.name} allows no more GraphQL queries for now. What was read before stays.")
            failure.retry_after_s = api.budget.wait_s(SECONDARY_FIRST_S)
            raise failure
        organization = (answer.get("data") or {}).get("organization")
        if any(error.get("type") == "NOT_FOUND" for error in errors) or (not errors and organization is None):
            raise NotFoundError(
                f"{api.name} has no organisation {variables['org']}, or hides it. The token needs the scope read:org."
            )
        if errors:
            raise UnavailableError(f"{api.name} failed: {str(errors[0].get('message'))[:300]}")
        return organization


def team_groups(teams: list[dict[str, Any]], namespace: str) -> list[EntityDocument]:
    """Group entities of one organisation's teams, parents and children from ``parentTeam``."""
    children: dict[str, list[str]] = {}
    for team in teams:
        if team.get("parentTeam"):
            children.setdefault(team["parentTeam"]["slug"], []).append(entity_name(team["slug"]))
    groups = []
    for team in teams:
        profile = {"displayName": team.get("name") or team["slug"]}
        if team.get("avatarUrl"):
            profile["picture"] = team["avatarUrl"]
        spec: dict[str, Any] = {
            "type": "team",
            "profile": profile,
            "children": sorted(children.get(team["slug"], [])),
            "members": [f"user:default/{entity_name(login)}" for login in team["logins"]],
        }
        if team.get("parentTeam"):
            spec["parent"] = entity_name(team["parentTeam"]["slug"])
        annotations = {"github.com/team-slug": team.get("combinedSlug") or team["slug"]}
        groups.append(
            given_entity(
                "Group",
                entity_name(team["slug"]),
                _page(team),
                spec=spec,
                namespace=namespace,
                annotations=annotations,
                description=team.get("description"),
            )
        )
    return groups


def user_entity(user: Mapping[str, Any], member_of: list[str]) -> EntityDocument:
    """The User entity; the address is one of the organisation's verified domains where there is one."""
    profile = {"displayName": user.get("name") or user["login"]}
    verified = user.get("organizationVerifiedDomainEmails") or []
    if email := (verified[0] if verified else user.get("email")):
        profile["email"] = email
    if user.get("avatarUrl"):
        profile["picture"] = user["avatarUrl"]
    spec = {"profile": profile, "memberOf": sorted(member_of)}
    annotations = {"github.com/user-login": user["login"]}
    return given_entity(
        "User", entity_name(user["login"]), _page(user), spec=spec, annotations=annotations, description=user.get("bio")
    )


def _page(thing: Mapping[str, Any]) -> LocationRef:
    """Where a team or user is seen."""
    return LocationRef("url", thing.get("url") or "https://github.com")
