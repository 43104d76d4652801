"""Settings of the built-in actions."""

from __future__ import annotations

from callboard.kernel.settings import Setting

ACTION_SETTINGS: tuple[Setting, ...] = (
    Setting("scaffolder.http.allowedHosts", "list", [], None, "When given, the only hosts, with those below them, that http:request asks."),
    Setting("scaffolder.http.allowedMethods", "list", [], None, "When given, the only methods that http:request uses."),
)  # fmt: skip
