"""What code says to people, as English text that remembers which message it is.

A reason or a piece of evidence is written where it is found, long before anybody reads it, and may be kept for days. ``Wording`` is
that text: wires, commands and logs have it in English, always the same, and a page asks ``in_words`` for it in the reader's language.
"""

from __future__ import annotations

import json
import re
from importlib import resources
from typing import Any, Iterable, Mapping

from callboard.ui.messages import DEFAULT_LOCALE, Text, Translator

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_JOINED, _CAPITALIZED = "+", "^"
"""In place of a message id: parts with a separator between them, and one part with its first letter large."""


class Wording(str):
    """English text made of the message ``id`` and its ``arguments``, which may be ``Wording`` themselves."""

    __slots__ = ("arguments", "id")
    id: str
    arguments: Mapping[str, Any]

    @classmethod
    def make(cls, text: str, id: str, arguments: Mapping[str, Any]) -> Wording:
        made = cls(text)
        made.id, made.arguments = id, arguments
        return made

    def capitalized(self) -> Wording:
        """With a large first letter, in every language."""
        return Wording.make(self[:1].upper() + self[1:], _CAPITALIZED, {"of": self})


def joined(separator: str, parts: Iterable[str]) -> str:
    """``separator.join``, but that the parts can still be translated; without parts the empty text."""
    told = list(parts)
    if len(told) < 2 or not any(isinstance(part, Wording) for part in told):
        return told[0] if len(told) == 1 else separator.join(told)
    return Wording.make(separator.join(told), _JOINED, {"by": separator, "parts": told})


class Wordings:
    """``say``: a message of ``package`` by its id, in English until somebody reads it. The texts are those of ``i18n/en.json``."""

    def __init__(self, package: str) -> None:
        self._package = package
        self._texts: Mapping[str, Text] | None = None

    def __call__(self, id: str, /, **arguments: Any) -> Wording:
        """Raises ``KeyError`` for an id that the package has no English text for, or an argument that the text wants."""
        if self._texts is None:
            file = resources.files(self._package).joinpath("i18n", f"{DEFAULT_LOCALE}.json")
            self._texts = json.loads(file.read_text("utf-8"))
        text = self._texts[id]
        if not isinstance(text, str):
            text = text["one"] if arguments["n"] == 1 and "one" in text else text["other"]
        return Wording.make(
            _PLACEHOLDER.sub(lambda found: str(arguments[found[1]]), text) if arguments else text, id, arguments
        )


def in_words(t: Translator, text: str) -> str:
    """``text`` as ``t`` says it; what is plain text, or a message that is no more, as it is."""
    if not isinstance(text, Wording):
        return text
    given = text.arguments
    if text.id == _JOINED:
        return str(given["by"]).join(in_words(t, part) for part in given["parts"])
    if text.id == _CAPITALIZED:
        said = in_words(t, given["of"])
        return said[:1].upper() + said[1:]
    if not t.has(text.id):
        return str(text)
    return t(text.id, **{name: in_words(t, one) if isinstance(one, str) else one for name, one in given.items()})


def to_stored(text: Wording) -> dict[str, Any]:
    """As JSON that ``from_stored`` reads; the English text is beside the message, for a portal that has it no more."""
    return {"text": str(text), "id": text.id, "with": {name: _stored(one) for name, one in text.arguments.items()}}


def from_stored(value: Any) -> str:
    """What ``to_stored`` wrote; plain text, as it was before, stays so."""
    if not isinstance(value, Mapping):
        return str(value)
    return Wording.make(value["text"], value["id"], {name: _read(one) for name, one in value["with"].items()})


def _stored(value: Any) -> Any:
    if isinstance(value, list):
        return [_stored(one) for one in value]
    return to_stored(value) if isinstance(value, Wording) else value


def _read(value: Any) -> Any:
    if isinstance(value, list):
        return [_read(one) for one in value]
    return from_stored(value) if isinstance(value, Mapping) else value
