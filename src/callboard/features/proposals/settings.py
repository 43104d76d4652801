"""Settings of proposals."""

from __future__ import annotations

from callboard.kernel.settings import Setting

SETTINGS: tuple[Setting, ...] = (
    Setting("proposals.folders", "list", (), None, "Folders of this machine whose contents may be looked at in the browser and over REST for things to propose; none by default."),
)  # fmt: skip
