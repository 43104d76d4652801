"""Answers of a task as the audit log may have them."""

from __future__ import annotations

from typing import Any, Mapping

from callboard.features.scaffolder.running import Redactor


def audited_values(values: Mapping[str, Any], secrets: Mapping[str, str], longest: int) -> Any:
    """Without secrets, each text cut to ``longest`` characters (as Backstage does it); negative for uncut."""
    return _cut(Redactor(secrets.values()).json(values), longest)


def _cut(value: Any, longest: int) -> Any:
    if isinstance(value, str):
        return value if longest < 0 or len(value) <= longest else f"{value[:longest]}...<truncated>"
    if isinstance(value, Mapping):
        return {key: _cut(one, longest) for key, one in value.items()}
    return [_cut(one, longest) for one in value] if isinstance(value, (list, tuple)) else value
