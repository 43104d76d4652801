"""What a plugin says about itself: ``manifest.toml`` beside its module.

name = "hello"
version = "1.0.0"
description = "Says hello on the entity page."
requires = ">=0.1,<1"          # versions of Callboard
hooks = ["register_routes"]    # hooks it uses
hosts = ["api.example.com"]    # hosts it calls
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Mapping

from callboard.kernel.errors import InputError

FILE_NAME = "manifest.toml"
PLUGIN_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_KEYS = {"name", "version", "description", "requires", "hooks", "hosts", "settings", "permissions"}
_CLAUSE = re.compile(r"\s*(>=|<=|==|!=|~=|>|<)\s*(\d+(?:\.\d+)*)\s*")


class ManifestError(InputError):
    """A manifest that cannot be read, or does not fit this Callboard."""

    code = "plugin.manifest"


@dataclass(frozen=True, slots=True)
class Manifest:
    """``requires`` is a range of Callboard versions (empty for any); ``hooks`` None where nothing was declared."""

    name: str
    version: str = "0"
    description: str = ""
    requires: str = ""
    hooks: tuple[str, ...] | None = None
    hosts: tuple[str, ...] = ()


def read_manifest(name: str, plugin: Any) -> Manifest:
    """The manifest of ``plugin`` (a module or an object): its file, or else what the module's docstring tells.

    Raises ``ManifestError`` with the file.
    """
    module = plugin if isinstance(plugin, ModuleType) else _module_of(plugin)
    given = getattr(plugin, "MANIFEST", None)
    if isinstance(given, Manifest):
        return given
    file = _file_beside(module)
    if file is not None:
        return parse_manifest(file.read_text(encoding="utf-8"), file=str(file), default_name=name)
    # a package tells what it is for; the module that wires it, how
    package = (
        sys.modules.get(module.__package__ or "")
        if module is not None and module.__name__.endswith(".plugin")
        else None
    )
    told = (getattr(one, "__doc__", None) for one in (package, plugin, module))
    doc = next((text.strip() for text in told if text and text.strip()), "")
    return Manifest(name=name, version=_version_of(module), description=doc.partition("\n")[0])


def parse_manifest(text: str, *, file: str | None = None, default_name: str = "") -> Manifest:
    """TOML text as a manifest. Raises ``ManifestError``."""
    import tomllib

    try:
        data: Mapping[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ManifestError(f"the manifest is not TOML: {error}", file=file) from None
    if unknown := sorted(set(data) - _KEYS):
        raise ManifestError(f"the manifest has unknown keys: {', '.join(unknown)}", file=file, field=unknown[0])
    name = data.get("name", default_name)
    if not isinstance(name, str) or not PLUGIN_NAME.fullmatch(name):
        raise ManifestError(
            f"{name!r} is no plugin name: lower-case letters, digits and dashes", file=file, field="name"
        )
    for key in ("version", "description", "requires"):
        if not isinstance(data.get(key, ""), str):
            raise ManifestError(f"{key} must be text", file=file, field=key)
    for key in ("hooks", "hosts"):
        items = data.get(key, [])
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise ManifestError(f"{key} must be a list of text", file=file, field=key)
    manifest = Manifest(
        name=name,
        version=data.get("version", "0"),
        description=data.get("description", ""),
        requires=data.get("requires", ""),
        hooks=tuple(data["hooks"]) if "hooks" in data else None,
        hosts=tuple(data.get("hosts", ())),
    )
    parse_range(manifest.requires, file=file)
    return manifest


def parse_range(text: str, *, file: str | None = None) -> list[tuple[str, tuple[int, ...]]]:
    """``>=0.1,<1`` as [('>=', (0, 1)), ('<', (1,))]. Raises ``ManifestError``."""
    clauses = []
    for clause in text.split(",") if text.strip() else ():
        found = _CLAUSE.fullmatch(clause)
        if not found:
            raise ManifestError(
                f"{text!r} is no version range; write for example '>=0.1,<1'", file=file, field="requires"
            )
        clauses.append((found[1], tuple(int(part) for part in found[2].split("."))))
    return clauses


def is_version_in(version: str, range_: str) -> bool:
    """Whether ``version`` (its leading digits count) lies in ``range_``; everything lies in an empty one."""
    numbers = re.match(r"\d+(?:\.\d+)*", version)
    have = tuple(int(part) for part in numbers[0].split(".")) if numbers else (0,)
    return all(_holds(have, operator, wanted) for operator, wanted in parse_range(range_))


def _holds(have: tuple[int, ...], operator: str, wanted: tuple[int, ...]) -> bool:
    width = max(len(have), len(wanted))
    left, right = (numbers + (0,) * (width - len(numbers)) for numbers in (have, wanted))
    match operator:
        case ">=":
            return left >= right
        case "<=":
            return left <= right
        case ">":
            return left > right
        case "<":
            return left < right
        case "==":
            return left == right
        case "!=":
            return left != right
    fixed = len(wanted) - 1 or 1
    return left >= right and left[:fixed] == right[:fixed]


def _module_of(plugin: Any) -> ModuleType | None:
    return sys.modules.get(getattr(plugin, "__module__", None) or type(plugin).__module__)


def _file_beside(module: ModuleType | None) -> Path | None:
    origin = getattr(module, "__file__", None)
    if origin is None:
        return None
    file = Path(origin).parent / FILE_NAME
    return file if file.is_file() else None


def _version_of(module: ModuleType | None) -> str:
    import sys

    top = sys.modules.get((module.__name__ if module else "").partition(".")[0])
    return str(getattr(top, "__version__", "0"))
