"""What the architecture tests know about the source: modules, their parts, and what each imports."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "callboard"


@dataclass(frozen=True)
class Import:
    """``module`` (dotted, ``callboard.…``) is imported at ``line`` of the file at ``path``."""

    path: Path
    line: int
    importer: str
    module: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line} imports {self.module}"


def module_name(path: Path, root: Path = SOURCE.parent) -> str:
    parts = list(path.relative_to(root).with_suffix("").parts)
    if parts[-1] == "__init__":
        parts.pop()
    return ".".join(parts)


@cache
def modules() -> dict[str, Path]:
    """Every module of the package, by dotted name."""
    return {module_name(path): path for path in sorted(SOURCE.rglob("*.py"))}


def imports_of(path: Path, importer: str, known: frozenset[str]) -> list[Import]:
    """Imports of the package in one file, those inside functions and under TYPE_CHECKING included."""
    is_package = path.name == "__init__.py"
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), filename=str(path))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = importer.split(".") if is_package else importer.split(".")[:-1]
                package = package[: len(package) - node.level + 1]
                base = ".".join([*package, base] if base else package)
            # `from a import b` names the module a.b where there is one, and something inside a where there is none.
            names = [f"{base}.{a.name}" if f"{base}.{a.name}" in known else base for a in node.names]
        found += [Import(path, node.lineno, importer, n) for n in names if n.split(".")[0] == "callboard"]
    return found


@cache
def imports() -> tuple[Import, ...]:
    known = frozenset(modules())
    return tuple(i for name, path in modules().items() for i in imports_of(path, name, known))
