"""What is wrong with a settings file, and where."""

from __future__ import annotations

from callboard.kernel.errors import InputError


class SettingsError(InputError):
    """A settings file cannot be read, or a value cannot be used. ``field`` is the dotted key."""

    code = "settings"

    def __str__(self) -> str:
        where = self.file or ""
        if where and self.line is not None:
            where += f":{self.line}" + (f":{self.column}" if self.column is not None else "")
        return f"{where}: {self.message}" if where else self.message
