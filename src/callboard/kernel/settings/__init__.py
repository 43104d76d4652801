"""Settings: Backstage's ``app-config.yaml`` read once into an immutable view.

Invariant: nothing changes a ``Settings`` after it is loaded; every value knows the file, line and column it came from.
Reading and merging: ``sources``; lookup: ``view``; known keys and the warnings about others: ``known``.
"""

from callboard.kernel.settings.durations import format_duration, parse_duration
from callboard.kernel.settings.errors import SettingsError
from callboard.kernel.settings.known import CORE_SETTINGS, Setting, UnknownKey, find_unknown_keys
from callboard.kernel.settings.sources import format_path
from callboard.kernel.settings.view import Settings, SettingSource, names_secret

__all__ = [
    "CORE_SETTINGS",
    "Setting",
    "SettingSource",
    "Settings",
    "SettingsError",
    "UnknownKey",
    "find_unknown_keys",
    "format_duration",
    "format_path",
    "names_secret",
    "parse_duration",
]
