"""Settings of importing: sheets that are read again and again."""

from __future__ import annotations

from callboard.kernel.settings import Setting

SETTINGS: tuple[Setting, ...] = (
    Setting("catalog.providers.spreadsheet", "object", None, None, "Sheets that are read on a schedule, by provider id: {path or url, sheet, mapping, schedule}."),
    Setting("catalog.providers.spreadsheet.*.path", "text", None, None, "File on this machine, relative to the working directory."),
    Setting("catalog.providers.spreadsheet.*.url", "text", None, None, "Address of the file; its host is one of integrations or backend.reading.allow."),
    Setting("catalog.providers.spreadsheet.*.sheet", "text", None, None, "Tab to read; the one with the most rows by default."),
    Setting("catalog.providers.spreadsheet.*.schedule", "object", None, None, "{frequency, timeout}; every half hour by default."),
    Setting("catalog.providers.spreadsheet.*.mapping", "object", None, None, "columns: {column: role or role:key}, what is not named is guessed; and kind, namespace, type, lifecycle, owner, repositoryHost, createOwners, createSystems, ownerRefs."),
)  # fmt: skip
