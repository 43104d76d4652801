"""``gitlab:group:migrate``. Source: GitLab documentation, "Group and project migration by direct transfer API" (``/bulk_imports``)."""

from __future__ import annotations

from typing import Any, Mapping, Sequence
from urllib.parse import quote, urlsplit

from callboard.integrations.gitlab.actions.project import GitlabPublishing
from callboard.kernel.actions import Action, ActionContext
from callboard.kernel.errors import InputError, NotFoundError
from callboard.kernel.publishing import once, repo_url_of
from callboard.kernel.publishing.schemas import number, record, text
from callboard.kernel.publishing.steps import step_action


class MigratingActions:
    def __init__(self, publishing: GitlabPublishing) -> None:
        self._publishing = publishing

    def all(self) -> Sequence[Action]:
        return [
            step_action(
                "gitlab:group:migrate",
                "Move a project to another GitLab",
                "Starts the migration of a project by direct transfer into a group, often at another GitLab. It goes on there after "
                "the step has ended.",
                self.run,
                record(
                    {
                        "destinationAccessToken": text("Token of the GitLab that the project goes to."),
                        "destinationUrl": text("Where it goes to: `gitlab.com?owner=group&repo=tools`."),
                        "sourceAccessToken": text("Token of the GitLab that the project is at."),
                        "sourceFullPath": text("Full path of the project there: `old/tools`."),
                        "sourceUrl": text("Address of the GitLab that it is at: `https://gitlab.example.com`."),
                    },
                    ("destinationAccessToken", "destinationUrl", "sourceAccessToken", "sourceFullPath", "sourceUrl"),
                ),
                record(
                    {
                        "importedRepoUrl": text("The project at its new place, without a scheme."),
                        "migrationId": number("Number of the migration."),
                    }
                ),
                {
                    "Into a group of gitlab.com": "destinationAccessToken: ${{ secrets.NEW_TOKEN }}\n"
                    "destinationUrl: gitlab.com?owner=acme&repo=tools\nsourceAccessToken: ${{ secrets.OLD_TOKEN }}\n"
                    "sourceFullPath: old/tools\nsourceUrl: https://gitlab.example.com"
                },
            )
        ]

    async def run(self, context: ActionContext) -> Mapping[str, Any]:
        given = context.input
        place = repo_url_of({"repoUrl": given["destinationUrl"]}, self._publishing.settings, "gitlab")
        if not place.owner or not place.repo:
            raise InputError(
                "destinationUrl must name owner and repo: gitlab.com?owner=group&repo=tools.", field="destinationUrl"
            )
        source = str(given["sourceUrl"]).strip().rstrip("/")
        parts = urlsplit(source)
        if parts.scheme not in ("http", "https") or not parts.netloc or "@" in parts.netloc:
            raise InputError(
                "sourceUrl must be the address of a GitLab: https://gitlab.example.com.", field="sourceUrl"
            )
        client = self._publishing.clients.get(place.host)
        api = client.api_with(str(given["destinationAccessToken"]))
        payload = {
            "configuration": {"url": source, "access_token": given["sourceAccessToken"]},
            "entities": [
                {
                    "source_type": "project_entity",
                    "source_full_path": given["sourceFullPath"],
                    "destination_slug": place.repo,
                    "destination_namespace": place.owner,
                }
            ],
        }

        async def start() -> int:
            try:
                made = await api.send_json("POST", f"{client.host.api_url}/bulk_imports", payload)
            except (InputError, NotFoundError) as error:
                raise InputError(
                    f"{client.host.host} does not take {given['sourceFullPath']} over from {source}. Check that it is there, and that "
                    f"both tokens may migrate. ({error.message})"
                ) from error
            return int(made["id"])

        id = await once(context, f"create.migration.{source}", start)
        page = f"{place.host}/{quote(place.owner)}/{quote(place.repo)}"
        context.log(f"The migration {id} to {page} has begun.")
        return {"importedRepoUrl": page, "migrationId": id}
