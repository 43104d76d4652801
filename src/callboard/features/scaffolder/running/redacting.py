"""Secrets blotted out of what people read."""

from __future__ import annotations

from typing import Any, Iterable, Mapping
from urllib.parse import quote

MASK = "***"


class Redactor:
    """Replaces every secret it knows, and what was made from one, by ``***``."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._known: set[str] = set()
        self._ordered: tuple[str, ...] = ()
        self.add(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """Learn more of them. Lines of a secret of many lines are secrets, too: logs are cut at line ends."""
        before = len(self._known)
        for secret in secrets:
            for part in (secret, *secret.splitlines(), quote(secret, safe="")):
                if part.strip():
                    self._known.add(part)
        if len(self._known) != before:
            # The longest first: one secret may hold another.
            self._ordered = tuple(sorted(self._known, key=lambda secret: (-len(secret), secret)))

    def text(self, text: str) -> str:
        for secret in self._ordered:
            if secret in text:
                text = text.replace(secret, MASK)
        return text

    def json(self, value: Any) -> Any:
        """The same for every string of a JSON value, keys included."""
        if not self._ordered:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.json(one) for key, one in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.json(one) for one in value]
        return value

    def add_differing(self, rendered: Any, without: Any) -> None:
        """Learn the strings of ``rendered`` that are others in ``without``, the same rendered without secrets."""
        if isinstance(rendered, str):
            if rendered != without:
                self.add([rendered])
        elif isinstance(rendered, Mapping):
            other = without if isinstance(without, Mapping) else {}
            for key, one in rendered.items():
                self.add_differing(one, other.get(key))
        elif isinstance(rendered, list):
            others = without if isinstance(without, list) else []
            for index, one in enumerate(rendered):
                self.add_differing(one, others[index] if index < len(others) else None)
