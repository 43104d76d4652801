"""YAML that a person can read and that says exactly what was meant, whatever was typed.

Text that could be taken for anything else is a double-quoted scalar (YAML 1.2, 7.3.1: JSON's strings are such), so nothing
typed into a form can end its line, begin a key or become a number.
"""

from __future__ import annotations

import json
import re
from typing import Any

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_VARIABLE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")
_WORDS = frozenset(("true", "false", "null", "yes", "no", "on", "off", "y", "n"))
_UNSAFE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")


def literal(text: str) -> str:
    """``text`` so that settings read it as it is: ``${…}`` in it names no variable."""
    return text.replace("${", "$${")


def scalar(value: Any) -> str:
    """One value on one line."""
    if value is None or isinstance(value, (bool, int, float)):
        return json.dumps(value)
    text = str(value)
    if _VARIABLE.fullmatch(text) or (_PLAIN.fullmatch(text) and text.lower() not in _WORDS):
        return text
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))


def block(value: Any, indent: int = 0) -> list[str]:
    """An object or list as lines, each ``indent`` blanks in."""
    pad = " " * indent
    lines: list[str] = []
    if isinstance(value, dict):
        for key, child in value.items():
            if isinstance(child, (dict, list)) and child:
                lines += [f"{pad}{scalar(str(key))}:", *block(child, indent + 2)]
            else:
                lines.append(f"{pad}{scalar(str(key))}: {_empty(child)}")
        return lines
    for child in value:
        if isinstance(child, (dict, list)) and child:
            inner = block(child, indent + 2)
            lines += [f"{pad}- {inner[0].lstrip(' ')}", *inner[1:]]
        else:
            lines.append(f"{pad}- {_empty(child)}")
    return lines


def _empty(value: Any) -> str:
    return {"dict": "{}", "list": "[]"}.get(type(value).__name__) or scalar(value)
