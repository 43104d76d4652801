"""Settings of ownership, read once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from callboard.kernel.settings import Setting, Settings

FIELDS = ("spec.owner", "spec.lifecycle", "spec.system", "metadata.description")

SETTINGS: tuple[Setting, ...] = (
    Setting("ownership.confirmEvery", "duration", "180d", None, "How long a confirmation lasts; after that it is due, after twice as long overdue."),
    Setting("ownership.askEvery", "duration", "7d", None, "An owner is asked to confirm at most this often; false for never."),
    Setting("ownership.fields", "list", list(FIELDS), None, "Fields that are confirmed with an entity, as paths; spec.owner is always one."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class OwnershipSettings:
    """``ask_every`` None: nobody is asked."""

    confirm_every: timedelta
    ask_every: timedelta | None
    fields: tuple[str, ...]

    @classmethod
    def of(cls, settings: Settings) -> OwnershipSettings:
        """Raises ``SettingsError`` with the key at fault."""
        every = settings.get_duration("ownership.confirmEvery", "180d")
        if every <= timedelta(0):
            raise settings.error("ownership.confirmEvery", "must be longer than nothing.")
        given = settings.get_list("ownership.fields", list(FIELDS))
        for path in given:
            if not isinstance(path, str) or not path.startswith(("spec.", "metadata.")) or path.endswith("."):
                raise settings.error(
                    "ownership.fields", f"{path!r} is not a field such as spec.lifecycle or metadata.title."
                )
        ask = settings.get("ownership.askEvery", "7d")
        return cls(
            every,
            None if ask is False else settings.get_duration("ownership.askEvery", "7d"),
            tuple(dict.fromkeys(("spec.owner", *given))),
        )
