"""Forms to terms, by the Snowball stemmer of the portal's language."""

from __future__ import annotations

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
            import snowballstemmer

            if language not in snowballstemmer.algorithms():
                known = ", ".join(sorted(["none", *snowballstemmer.algorithms()]))
                raise InputError(
                    f"There is no stemmer for {language!r}. Choose one of {known}.", field="search.language"
                )
            self._algorithm = snowballstemmer.stemmer(language)

    def term(self, form: str) -> str:
        found = self._known.get(form)
        if found is None:
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            is_word = self._algorithm is not None and len(form) > 3 and form.isalpha()
            found = self._known[form] = self._algorithm.stemWord(form) if is_word else form
        return found
