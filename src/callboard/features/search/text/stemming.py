"""Forms to terms, by the Snowball stemmer of the portal's language."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from callboard.kernel.errors import InputError

_MAX_KNOWN = 400_000


class Stemmer:
    """Remembers what it was asked: the words of a portal repeat. ``language`` is a name as ``english`` or ``german``; ``none`` leaves words be."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._known: dict[str, str] = {}
        self._algorithm: Any = None
        if language != "none":
            languages = _languages()
            if language not in languages:
                known = ", ".join(sorted(["none", *languages]))
                raise InputError(
                    f"There is no stemmer for {language!r}. Choose one of {known}.", field="search.language"
                )

    def term(self, form: str) -> str:
        found = self._known.get(form)
        if found is None:
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            is_word = self.language != "none" and len(form) > 3 and form.isalpha()
            found = self._known[form] = self._stem(form) if is_word else form
        return found

    def _stem(self, form: str) -> str:
        if self._algorithm is None:
            import snowballstemmer  # all of its languages come with it: not before there is a word

            self._algorithm = snowballstemmer.stemmer(self.language)
        found: str = self._algorithm.stemWord(form)
        return found


def _languages() -> set[str]:
    """Those that have a stemmer, by the files that are there."""
    spec = find_spec("snowballstemmer")
    folders = [] if spec is None else spec.submodule_search_locations or []
    ending = "_stemmer.py"
    return {path.name.removesuffix(ending) for folder in folders for path in Path(folder).glob(f"*{ending}")}
