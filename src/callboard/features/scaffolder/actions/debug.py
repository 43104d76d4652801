"""``debug:log`` and ``debug:wait``."""

from __future__ import annotations

import asyncio
from typing import Any, Mapping, Sequence

from callboard.features.scaffolder.actions.schemas import NOTHING, example, fields, number, text
from callboard.features.scaffolder.actions.working import Desk, in_thread, read_bytes
from callboard.features.scaffolder.language import to_json
from callboard.kernel.actions import Action, ActionAttributes, ActionContext
from callboard.kernel.errors import InputError

MAX_WAIT_S = 600.0
MAX_LISTED = 5_000
MAX_LINE = 100_000
"""Characters of one message."""
MAX_SHOWN_BYTES = 256 * 1024
"""Of all contents that ``with-contents`` puts into the log."""


async def log(context: ActionContext) -> Mapping[str, Any]:
    """The input, the message, and what lies in the workspace."""
    context.log(_cut(to_json(dict(context.input), 2)))
    message, listed = context.input.get("message"), context.input.get("listWorkspace")
    if message:
        context.log(_cut(message))
    if listed:
        context.log(await in_thread(context, lambda desk: _listing(desk, with_contents=listed == "with-contents")))
    return {}


def _cut(text: str) -> str:
    """What a log can hold."""
    return text if len(text) <= MAX_LINE else f"{text[:MAX_LINE]}\n… and {len(text) - MAX_LINE} characters more"


def _listing(desk: Desk, *, with_contents: bool) -> str:
    lines, room, count = ["Workspace:"], MAX_SHOWN_BYTES, 0
    for path in desk.workspace.files():
        desk.go_on()
        count += 1
        if count > MAX_LISTED:
            continue
        lines.append(f"  - {path}")
        place = desk.workspace.root / path
        if with_contents and place.is_file() and not place.is_symlink() and room > 0:
            content = read_bytes(desk.workspace, path, max_bytes=desk.workspace.limits.file_bytes)[:room]
            room -= len(content)
            lines[-1] += ":"
            lines.append(content.decode("utf-8", "replace"))
    if count > MAX_LISTED:
        lines.append(f"  and {count - MAX_LISTED} more")
    return "\n".join(lines)


async def wait(context: ActionContext) -> Mapping[str, Any]:
    """Ends at once when the task is cancelled."""
    given = context.input
    seconds = given.get("minutes", 0) * 60 + given.get("seconds", 0) + given.get("milliseconds", 0) / 1000
    if seconds > MAX_WAIT_S:
        raise InputError("Waiting duration is longer than the maximum threshold of 10 minutes")
    if seconds > 0:
        await asyncio.sleep(seconds)
    return {}


def debug_actions() -> Sequence[Action]:
    return [
        Action(
            "debug:log", "Log a message", "Writes a message into the log and/or lists all files in the workspace.", log,
            input_schema=fields(
                {
                    "message": text("Message to output.", title="Message"),
                    "listWorkspace": {
                        "anyOf": [{"type": "boolean"}, {"type": "string", "enum": ["with-filenames", "with-contents"]}],
                        "description": "List all files in the workspace. If used with value `with-contents`, their contents "
                        "are shown, too.",
                    },
                    "extra": {"description": "Extra info"},
                }
            ),
            output_schema=NOTHING, attributes=ActionAttributes(read_only=True, idempotent=True), supports_dry_run=True,
            needs_workspace=True,
            examples=[
                example('Write "Hello Backstage!" into the log', "debug:log", {"message": "Hello Backstage!"}),
                example("List the workspace directory", "debug:log", {"listWorkspace": True}),
                example("List the workspace directory with file contents", "debug:log", {"listWorkspace": "with-contents"}),
            ],
        ),
        Action(
            "debug:wait", "Wait", "Waits for a certain period of time.", wait,
            input_schema=fields(
                {
                    "minutes": number("Waiting period in minutes.", minimum=0),
                    "seconds": number("Waiting period in seconds.", minimum=0),
                    "milliseconds": number("Waiting period in milliseconds.", minimum=0),
                }
            ),
            output_schema=NOTHING, attributes=ActionAttributes(read_only=True, idempotent=True),
            examples=[
                example("Waiting for 50 milliseconds", "debug:wait", {"milliseconds": 50}),
                example("Waiting for 5 seconds", "debug:wait", {"seconds": 5}),
                example("Waiting for 1 minutes", "debug:wait", {"minutes": 1}),
            ],
        ),
    ]  # fmt: skip
