"""Message catalogues: every word that a page says, by id, with plural forms.

A package that has templates may have ``i18n/<locale>.json`` beside them: an object from message id to text, or to an object
of plural forms (``one``, ``few``, ``many``, ``other``, and ``zero`` for an exact zero). ``{name}`` in a text is replaced
by the argument of that name; whole numbers are grouped by thousands.
"""

from __future__ import annotations

import functools
import json
import re
from importlib import resources
from typing import Any, Callable, Iterable, Mapping

from markupsafe import Markup, escape

Text = str | Mapping[str, str]
DEFAULT_LOCALE = "en"
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


class MessageError(LookupError):
    """No such message, or an argument that its text needs is missing."""


def _plural_slavic(n: int) -> str:
    if n % 10 == 1 and n % 100 != 11:
        return "one"
    return "few" if 2 <= n % 10 <= 4 and not 12 <= n % 100 <= 14 else "many"


# Cardinal rules of Unicode CLDR for whole numbers; languages not named here have "one" and "other".
_PLURALS: Mapping[str, Callable[[int], str]] = {
    "fr": lambda n: "one" if n in (0, 1) else "other",
    "ja": lambda n: "other",
    "zh": lambda n: "other",
    "ko": lambda n: "other",
    "ru": _plural_slavic,
    "uk": _plural_slavic,
}
_GROUPS: Mapping[str, str] = {"de": ".", "es": ".", "it": ".", "fr": "\u202f", "ru": "\u00a0", "uk": "\u00a0"}


def format_number(n: int, locale: str = DEFAULT_LOCALE) -> str:
    """``n`` with its thousands grouped as ``locale`` does."""
    return f"{n:,}".replace(",", _GROUPS.get(locale.split("-", maxsplit=1)[0], ","))


def _plural_english(n: int) -> str:
    return "one" if n == 1 else "other"


class Translator:
    """``t(id, **arguments)`` of one locale.

    It gives a plain string, or ``Markup`` when an argument is ``Markup``; the text itself is then escaped. ``n`` picks the
    plural form. Raises ``MessageError`` for an unknown id or a missing argument.
    """

    def __init__(self, locale: str, own: Mapping[str, Text], base: Mapping[str, Text]) -> None:
        self.locale = locale
        self._own = own
        self._base = base
        self._plural = _PLURALS.get(locale.split("-", maxsplit=1)[0], _plural_english)

    def has(self, id: str) -> bool:
        """Whether there is such a message: for words that depend on data, a kind or a relation."""
        return id in self._own or id in self._base

    def title(self, title: str) -> str:
        """What a plugin calls something: a message id, or the text itself."""
        return self(title) if self.has(title) else title

    def __call__(self, id: str, **arguments: Any) -> str:
        text = self._own.get(id, self._base.get(id))
        if text is None:
            raise MessageError(f"No message {id!r}")
        if not isinstance(text, str):
            n = int(arguments.get("n", 0))
            text = text["zero"] if n == 0 and "zero" in text else text.get(self._plural(n)) or text["other"]
        if not arguments:
            return text
        safe = any(isinstance(value, Markup) for value in arguments.values())

        def fill(match: re.Match[str]) -> str:
            try:
                value = arguments[match[1]]
            except KeyError:
                raise MessageError(f"Message {id!r} needs the argument {match[1]!r}") from None
            value = format_number(value, self.locale) if type(value) is int else value
            return str(escape(value)) if safe else str(value)

        return Markup(_PLACEHOLDER.sub(fill, str(escape(text)))) if safe else _PLACEHOLDER.sub(fill, text)


class Messages:
    """Catalogues by locale. A locale without a text falls back to English."""

    def __init__(self, catalogues: Mapping[str, Mapping[str, Text]]) -> None:
        self.catalogues = catalogues

    @classmethod
    def load(cls, packages: Iterable[str]) -> Messages:
        """Read ``i18n/*.json`` of every package that has the folder.

        Raises:
            ValueError: two packages give the same id.
        """
        catalogues: dict[str, dict[str, Text]] = {DEFAULT_LOCALE: {}}
        for package in packages:
            folder = resources.files(package).joinpath("i18n")
            if not folder.is_dir():
                continue
            for file in sorted(folder.iterdir(), key=lambda f: f.name):
                if not file.name.endswith(".json"):
                    continue
                texts = _texts(file.read_bytes())
                into = catalogues.setdefault(file.name.removesuffix(".json"), {})
                if twice := into.keys() & texts.keys():
                    raise ValueError(f"{package} repeats the messages {', '.join(sorted(twice))}")
                into.update(texts)
        return cls(catalogues)

    @property
    def locales(self) -> list[str]:
        return sorted(self.catalogues)

    def translator(self, locale: str = DEFAULT_LOCALE) -> Translator:
        """``t`` for ``locale``; English where a catalogue of that locale lacks a text."""
        return Translator(locale, self.catalogues.get(locale, {}), self.catalogues[DEFAULT_LOCALE])


@functools.lru_cache(maxsize=256)
def _texts(file: bytes) -> dict[str, Text]:
    """The texts of a catalogue, by id."""
    texts: dict[str, Text] = json.loads(file)
    return texts
