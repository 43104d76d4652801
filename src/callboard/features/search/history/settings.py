"""Settings of what is kept of searches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from callboard.kernel.settings import Setting, Settings

MOST_RECENT = 200

HISTORY_SETTINGS: tuple[Setting, ...] = (
    Setting("search.history.recent", "number", 20, None, "Last searches that are kept for each person, for that person alone; 0 keeps none."),
    Setting("search.history.retention", "duration", "90d", None, "How long searches, and counts of what was searched for and opened, are kept."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class HistorySettings:
    """As read."""

    recent: int
    retention: timedelta

    @classmethod
    def of(cls, settings: Settings) -> HistorySettings:
        """Raises ``SettingsError`` with the key at fault."""
        recent = settings.get("search.history.recent", 20)
        if type(recent) is not int or not 0 <= recent <= MOST_RECENT:
            raise settings.error(
                "search.history.recent", f"search.history.recent must be a whole number from 0 to {MOST_RECENT}."
            )
        retention = settings.get_duration("search.history.retention", "90d")
        if retention < timedelta(days=7):
            raise settings.error(
                "search.history.retention",
                "search.history.retention must be 7 days or more: counts are kept by the week.",
            )
        return cls(recent, retention)
