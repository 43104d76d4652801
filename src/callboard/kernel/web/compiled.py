"""Templates compiled once in a process: compiling those of one page takes 150 ms, and every portal draws the same ones."""

from __future__ import annotations

from types import CodeType
from typing import Any

import jinja2
from jinja2.bccache import Bucket

_codes: dict[tuple[Any, str, str], CodeType] = {}
"""By what shapes the code beside the text (filters are applied to constants when compiling), place, and hash of the text."""


class CompiledTemplates(jinja2.BytecodeCache):
    """The code of templates that some environment with the same ``filters`` has compiled from the same text."""

    def __init__(self, filters: frozenset[tuple[str, Any]]) -> None:
        self._filters = filters

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = _codes.get((self._filters, bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        if bucket.code is not None:
            _codes[self._filters, bucket.key, bucket.checksum] = bucket.code
