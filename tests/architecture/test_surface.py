"""The public surface: what plugins may import. Widening it shows in review as a change of surface.txt.

``python tests/architecture/test_surface.py`` writes the list again.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.architecture.source import modules

COMMITTED = Path(__file__).with_name("surface.txt")


SPOKEN_OF_BY_HOOKS = {
    "kernel.actions", "kernel.auth.actor", "kernel.auth.providers", "kernel.clock", "kernel.db.interface", "kernel.db.migrations",
    "kernel.errors", "kernel.events", "kernel.jobs", "kernel.permissions", "kernel.settings", "kernel.web.routing",
    "kernel.web.shell",
}  # fmt: skip
"""Modules whose values hooks take and give: a plugin cannot do without them."""


def is_public(module: str) -> bool:
    """``model``, ``kernel.plugins`` and what its hooks speak of, every ``interface`` of a feature, and ``testing``."""
    parts = module.split(".")[1:]
    if not parts or any(p.startswith("_") for p in parts):
        return False
    return (
        parts[0] in ("model", "testing")
        or parts[:2] == ["kernel", "plugins"]
        or ".".join(parts) in SPOKEN_OF_BY_HOOKS
        or (parts[0] == "features" and len(parts) > 2 and parts[2] == "interface")
    )


def names_in(path: Path) -> list[str]:
    """``__all__`` where there is one; else the classes, functions and values that the module itself defines."""
    names: list[str] = []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            names.append(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name):
                    if target.id == "__all__" and node.value is not None:
                        return sorted(ast.literal_eval(node.value))
                    names.append(target.id)
    return sorted({n for n in names if not n.startswith("_")})


def surface() -> str:
    lines = []
    for module, path in modules().items():
        if is_public(module):
            lines += [f"{module}:{name}" for name in names_in(path)]
    return "".join(f"{line}\n" for line in lines)


def test_the_modules_that_hooks_speak_of_are_there():
    """A module that moved is moved here, too."""
    assert {f"callboard.{name}" for name in SPOKEN_OF_BY_HOOKS} - set(modules()) == set()


def test_the_public_surface_is_the_committed_one():
    """A name that appears or disappears for plugins is a decision: write surface.txt again and explain it in the change."""
    assert surface().splitlines() == COMMITTED.read_text(encoding="utf-8").splitlines()


if __name__ == "__main__":
    COMMITTED.write_text(surface(), encoding="utf-8")
