"""What the linter tells. Its words stand in ``i18n`` under ``scaffolder.lint.<rule>``, with what each rule tells besides."""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal, Mapping

Severity = Literal["error", "warning"]
_PREFIX = "scaffolder.lint."
_GAP = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Finding:
    """``line`` and ``column`` count from 1 in ``file``; ``field`` is the path in the template, "" in a file beside it.

    ``values`` fill the words of the rule in; they are names and texts of the template, as they stand there.
    """

    rule: str
    severity: Severity
    file: str
    line: int
    column: int
    field: str = ""
    values: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def message(self) -> str:
        """In English, for terminals and logs."""
        return _GAP.sub(lambda gap: self.values.get(gap[1], gap[0]), _words()[self.word])

    @property
    def word(self) -> str:
        """The id of the message, for pages."""
        return f"{_PREFIX}{self.rule}"

    def __str__(self) -> str:
        where = f" ({self.field})" if self.field else ""
        return f"{self.file}:{self.line}:{self.column}: {self.severity}: {self.message}{where} [{self.rule}]"

    def to_json(self) -> dict[str, Any]:
        return {
            "rule": self.rule,
            "severity": self.severity,
            "message": self.message,
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "field": self.field,
        }


@cache
def _words() -> Mapping[str, str]:
    text = files("callboard.features.scaffolder").joinpath("i18n", "en.json").read_text(encoding="utf-8")
    return {key: word for key, word in json.loads(text).items() if key.startswith(_PREFIX)}
