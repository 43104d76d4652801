"""``github:issues:create``, ``github:issues:label`` and ``github:autolinks:create``."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.integrations.github.actions.repository import GithubPublishing
from callboard.integrations.github.actions.schemas import REPO_URL
from callboard.kernel.actions import Action, ActionContext
from callboard.kernel.publishing import once
from callboard.kernel.publishing.schemas import TOKEN, flag, number, record, text, texts
from callboard.kernel.publishing.steps import step_action

_URL = "repoUrl: github.com?owner=acme&repo=tools"


class IssueActions:
    def __init__(self, publishing: GithubPublishing) -> None:
        self._publishing = publishing

    def all(self) -> Sequence[Action]:
        return [
            step_action(
                "github:issues:create",
                "Open an issue at GitHub",
                "Opens an issue in a repository at GitHub.",
                self.create,
                record(
                    {
                        "repoUrl": REPO_URL,
                        "title": text("Title of the issue."),
                        "body": text("Its text, Markdown."),
                        "assignees": texts("Logins to assign it to."),
                        "milestone": {"type": ["number", "string"], "description": "Number of a milestone."},
                        "labels": texts("Labels."),
                        "token": TOKEN,
                    },
                    ("repoUrl", "title"),
                ),
                record({"issueUrl": text("Page of the issue."), "issueNumber": number("Its number.")}),
                {"A task for the new service": f"{_URL}\ntitle: Set up alerts\nlabels: [todo]"},
                supports_dry_run=True,
            ),
            step_action(
                "github:issues:label",
                "Label an issue at GitHub",
                "Adds labels to an issue or pull request at GitHub.",
                self.label,
                record(
                    {
                        "repoUrl": REPO_URL,
                        "number": number("Number of the issue or pull request."),
                        "labels": texts("Labels to add."),
                        "token": TOKEN,
                    },
                    ("repoUrl", "number", "labels"),
                ),
                record({}),
                {
                    "After a pull request": f"{_URL}\nnumber: ${{{{ steps.pr.output.pullRequestNumber }}}}\nlabels: [bug]"
                },
                idempotent=True,
            ),
            step_action(
                "github:autolinks:create",
                "Add an autolink at GitHub",
                "Makes texts like TICKET-123 links in a repository at GitHub.",
                self.autolink,
                record(
                    {
                        "repoUrl": REPO_URL,
                        "keyPrefix": text("What the texts begin with: `TICKET-`."),
                        "urlTemplate": text("Address with `<num>` for the rest."),
                        "isAlphanumeric": flag("The rest may hold letters.", True),
                        "token": TOKEN,
                    },
                    ("repoUrl", "keyPrefix", "urlTemplate"),
                ),
                record({}),
                {"Links to tickets": f"{_URL}\nkeyPrefix: OPS-\nurlTemplate: https://tickets.example.com/OPS-<num>"},
            ),
        ]

    async def create(self, context: ActionContext) -> Mapping[str, Any]:
        given = context.input
        if context.dry_run:
            context.log(f"Would open the issue {given['title']}.")
            return {"issueUrl": "https://example.com/issues/42", "issueNumber": 42}
        repository = await self._publishing.open(context)
        payload: dict[str, Any] = {"title": given["title"]}
        payload |= {
            key: given[key] for key in ("body", "assignees", "milestone", "labels") if given.get(key) is not None
        }

        async def work() -> dict[str, Any]:
            made = await repository.send("POST", "/issues", payload)
            return {"issueUrl": made["html_url"], "issueNumber": made["number"]}

        made = await once(context, "issue", work)
        context.log(f"Opened the issue {made['issueUrl']}.")
        return made

    async def label(self, context: ActionContext) -> Mapping[str, Any]:
        repository = await self._publishing.open(context)
        path = f"/issues/{int(context.input['number'])}/labels"
        await repository.send("POST", path, {"labels": list(context.input["labels"])})
        return {}

    async def autolink(self, context: ActionContext) -> Mapping[str, Any]:
        repository, given = await self._publishing.open(context), context.input

        async def work() -> bool:
            payload = {
                "key_prefix": given["keyPrefix"],
                "url_template": given["urlTemplate"],
                "is_alphanumeric": given.get("isAlphanumeric", True),
            }
            await repository.send("POST", "/autolinks", payload)
            return True

        await once(context, "autolink", work)
        return {}
