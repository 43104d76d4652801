"""The answers of all pages, as the form carries them from one to the next: two hidden fields, one of them sealed.

Nothing is kept on the server until a task is made, so a form survives restarts, replicas and several windows.
"""

from __future__ import annotations

from typing import Any, Mapping

import orjson

from callboard.features.scaffolder.forms.model import Known
from callboard.features.scaffolder.forms.parsing import Answers
from callboard.features.scaffolder.forms.paths import MISSING, get, parse_name, put
from callboard.features.scaffolder.forms.sealing import seal, unseal
from callboard.kernel.errors import LimitError

MAX_STATE_BYTES = 900 * 1024
"""A field of a form may have 1 MiB on its way here."""


class FormTooLarge(LimitError):
    """The answers together are more than a form carries."""

    code = "scaffolder.form_too_large"

    def __init__(self) -> None:
        super().__init__(
            f"The answers are larger than {MAX_STATE_BYTES // 1024} KiB together. Choose smaller files, or put long texts into"
            " the repository afterwards."
        )


def format_state(answers: Answers) -> str:
    """The open part as JSON: answers without passwords. Raises ``FormTooLarge``."""
    values = _without_passwords(answers)
    known = answers.known
    state = {
        "values": values, "cleared": sorted(known.cleared), "chosen": known.chosen, "hosts": known.hosts,
    }  # fmt: skip
    text = orjson.dumps(state)
    if len(text) > MAX_STATE_BYTES:
        raise FormTooLarge
    return text.decode()


def seal_state(answers: Answers, *, secret: str, purpose: str) -> str:
    held = {"secrets": answers.secrets, "passwords": answers.passwords}
    return seal(held, secret=secret, purpose=purpose) if answers.secrets or answers.passwords else ""


def read_state(text: str, sealed: str, *, secret: str, purpose: str) -> tuple[Answers, bool]:
    """The answers, and whether the secrets among them could be opened. What is no state is none."""
    try:
        state = orjson.loads(text) if text else {}
    except orjson.JSONDecodeError:
        state = {}
    state = state if isinstance(state, dict) else {}
    values, cleared = state.get("values"), state.get("cleared")
    answers = Answers(
        values if isinstance(values, dict) else {},
        Known(
            {one for one in cleared if isinstance(one, str)} if isinstance(cleared, list) else set(),
            {name: n for name, n in _mapping(state, "chosen").items() if isinstance(n, int)},
            {name: one for name, one in _mapping(state, "hosts").items() if isinstance(one, str)},
        ),
    )
    held = unseal(sealed, secret=secret, purpose=purpose)
    if held is not None:
        answers.secrets = {name: one for name, one in _mapping(held, "secrets").items() if isinstance(one, str)}
        answers.passwords = {name: one for name, one in _mapping(held, "passwords").items() if isinstance(one, str)}
        for name, password in answers.passwords.items():
            put(answers.values, _path(answers.values, name), password)
    return answers, held is not None


def _mapping(state: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = state.get(key)
    return found if isinstance(found, Mapping) else {}


def _without_passwords(answers: Answers) -> dict[str, Any]:
    if not answers.passwords:
        return answers.values
    values: dict[str, Any] = orjson.loads(orjson.dumps(answers.values))
    for name in answers.passwords:
        path = _path(values, name)
        if get(values, path) is not MISSING:
            put(values, path, MISSING)
    return values


def _path(values: Any, name: str) -> tuple[str | int, ...]:
    """The path of a field's name: a part is an index where a list stands, or could."""
    out: list[str | int] = []
    at: Any = values
    for part in parse_name(name):
        step: str | int = int(part) if isinstance(at, list) and part.isdecimal() else part
        out.append(step)
        at = get(at, (step,))
    return tuple(out)
