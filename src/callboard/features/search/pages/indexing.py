"""The sentence that says that results are not complete yet."""

from __future__ import annotations

from callboard.features.search.interface import IndexState
from callboard.ui.messages import Translator


def sentence(state: IndexState | None, t: Translator) -> str:
    """Empty where nothing is missing. Types that are complete are told beside those that are not."""
    if state is None:
        return ""
    parts = [
        t("search.indexing.part", indexed=part.indexed, known=part.known, type=t.title(part.title))
        for part in state.parts
        if part.known
    ]
    unread = sum(part.unread for part in state.parts)
    found = [t("search.indexing.counted", parts=", ".join(parts)) if parts else t("search.indexing.underway")]
    if unread:
        found.append(t("search.indexing.unread", n=unread))
    return " ".join([*found, t("search.indexing.incomplete")])
