"""Manifests of packages: what their tools call them, need and build. ``read_manifests`` is the door."""

from __future__ import annotations

from typing import Callable, Mapping

from callboard.features.proposals.domain.choosing import rank_of
from callboard.features.proposals.domain.manifests import compiled, dynamic, node, python
from callboard.features.proposals.domain.manifests.values import Manifest
from callboard.features.proposals.domain.values import Tree, folder_of, some

Parser = Callable[[str, str], Manifest | None]
_PARSERS: Mapping[str, Parser] = {
    "package.json": node.parse_package_json, "pyproject.toml": python.parse_pyproject, "setup.cfg": python.parse_setup_cfg,
    "setup.py": python.parse_setup_py, "go.mod": compiled.parse_go_mod, "cargo.toml": compiled.parse_cargo,
    "pom.xml": compiled.parse_pom, "build.gradle": compiled.parse_gradle, "build.gradle.kts": compiled.parse_gradle,
    "gemfile": dynamic.parse_gemfile, "composer.json": dynamic.parse_composer, "mix.exs": dynamic.parse_mix,
}  # fmt: skip
_BY_ENDING: Mapping[str, Parser] = {
    ".csproj": compiled.parse_csproj, ".fsproj": compiled.parse_csproj, ".vbproj": compiled.parse_csproj,
    ".gemspec": dynamic.parse_gemspec,
}  # fmt: skip
MAX_MANIFESTS = 2_000


def read_manifests(tree: Tree) -> tuple[list[Manifest], list[str]]:
    """Every manifest that was read, by path, with the members of workspaces that stand in files of their own; and notes."""
    found: list[Manifest] = []
    bad: list[str] = []
    for path in sorted(tree.texts):
        parser = _parser_of(path)
        if parser is None or rank_of(path) is None:
            continue
        if len(found) >= MAX_MANIFESTS:
            bad.append(f"more than {MAX_MANIFESTS}")
            break
        manifest = parser(path, tree.texts[path])
        if manifest is not None:
            found.append(manifest)
        elif path.rpartition("/")[2].lower() in ("package.json", "pom.xml", "cargo.toml", "composer.json"):
            bad.append(path)
    _add_members(tree, found)
    notes = [f"Not understood, or refused as hostile: {some(bad)}."] if bad else []
    return found, notes


def _parser_of(path: str) -> Parser | None:
    name = path.rpartition("/")[2].lower()
    return _PARSERS.get(name) or next((parser for end, parser in _BY_ENDING.items() if name.endswith(end)), None)


def _add_members(tree: Tree, manifests: list[Manifest]) -> None:
    for path, content in tree.texts.items():
        folder, name = folder_of(path), path.rpartition("/")[2].lower()
        root_name = ""
        if name == "pnpm-workspace.yaml":
            tool, members = "npm", node.members_of_pnpm(content)
        elif name == "lerna.json":
            tool, members = "npm", node.members_of_lerna(content)
        elif name == "go.work":
            tool, members = "go", compiled.members_of_go_work(content)
        elif name in ("settings.gradle", "settings.gradle.kts"):
            tool, (members, root_name) = "gradle", compiled.members_of_settings_gradle(content)
        else:
            continue
        root = next((one for one in manifests if one.folder == folder and one.ecosystem == tool), None)
        if root is None and members:
            root = Manifest(path, tool, content, is_aggregate=True)  # type: ignore[arg-type]
            manifests.append(root)
        if root is None:
            continue
        root.name = root.name or root_name
        if members and not root.members:
            root.members = tuple(one for one in members if not one.startswith("!"))
            root.is_aggregate = root.is_aggregate or (tool == "npm" and root.is_private)
