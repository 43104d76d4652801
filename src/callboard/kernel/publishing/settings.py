"""Who writes commits, what they say, and whose credentials count: ``scaffolder.{defaultAuthor,defaultCommitMessage,requireScmUserCredentials}``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

from callboard.kernel.errors import InputError
from callboard.kernel.source_host import SettingsView

DEFAULT_NAME = "Scaffolder"
DEFAULT_EMAIL = "scaffolder@backstage.io"
DEFAULT_MESSAGE = "initial commit"


@dataclass(frozen=True, slots=True)
class Author:
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class PublishDefaults:
    """What counts where a step does not say."""

    author: Author
    message: str
    needs_token: bool

    @classmethod
    def of(cls, settings: SettingsView) -> PublishDefaults:
        return cls(
            Author(
                str(settings.get("scaffolder.defaultAuthor.name") or DEFAULT_NAME),
                str(settings.get("scaffolder.defaultAuthor.email") or DEFAULT_EMAIL),
            ),
            str(settings.get("scaffolder.defaultCommitMessage") or DEFAULT_MESSAGE),
            settings.get("scaffolder.requireScmUserCredentials") is True,
        )

    def author_of(self, input: Mapping[str, Any]) -> Author:
        return Author(
            str(input.get("gitAuthorName") or self.author.name), str(input.get("gitAuthorEmail") or self.author.email)
        )

    def message_of(self, input: Mapping[str, Any]) -> str:
        return str(input.get("gitCommitMessage") or self.message)

    def token_of(self, input: Mapping[str, Any]) -> str | None:
        """The token that the step brings. Raises ``InputError`` when it brings none though the settings want one."""
        token = str(input.get("token") or "").strip()
        if not token and self.needs_token:
            raise InputError(
                "This portal acts at source hosts only with the credentials of whoever starts the task "
                "(scaffolder.requireScmUserCredentials). Give the step `token: ${{ secrets.USER_OAUTH_TOKEN }}` and have "
                "the RepoUrlPicker ask for it with requestUserCredentials.",
                field="token",
            )
        return token or None
