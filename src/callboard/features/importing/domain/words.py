"""How importing gives its reasons: messages that stay English until a page shows them (``ui.wording``)."""

from __future__ import annotations

from functools import reduce
from typing import Final, Sequence

from callboard.ui.wording import Wording, Wordings

say: Final = Wordings("callboard.features.importing")


def quoted_list(texts: Sequence[str]) -> str:
    """``'a' and 'b' and 'c'``."""
    return reduce(lambda one, other: say("importing.both", one=one, other=other), map(_quoted, texts))


def _quoted(text: str) -> Wording:
    return say("importing.quoted", text=text)
