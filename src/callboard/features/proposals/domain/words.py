"""How proposals give their evidence: messages that stay English until a page shows them (``ui.wording``)."""

from __future__ import annotations

from typing import Final

from callboard.ui.wording import Wordings

say: Final = Wordings("callboard.features.proposals")
