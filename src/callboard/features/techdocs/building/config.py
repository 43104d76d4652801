"""``mkdocs.yml`` as a build may run it: what Backstage lets through, nothing that runs code of the site.

Source: Backstage techdocs-node 2.0, ``sanitizeMkdocsConfig`` and ``patchMkdocsYmlPreBuild``.
"""

from __future__ import annotations

import posixpath
from typing import Any, Mapping, Sequence

import yaml

from callboard.features.techdocs.interface import Problem
from callboard.features.techdocs.rendering.config import KEPT_KEYS
from callboard.features.techdocs.rendering.config_yaml import Name, parse_config
from callboard.kernel.errors import InputError

PLUGINS = frozenset({"techdocs-core", "search", "material/search", "redirects", "group", "material/group"})
THEME_KEYS = frozenset({"name", "font", "icon", "logo", "favicon", "language", "direction", "palette", "features"})
NEVER = frozenset({"hooks", "INHERIT"})
"""Not even a setting lets these through."""
_PACKAGES = ("materialx.", "material.", "pymdownx.")


class _Dumper(yaml.SafeDumper):
    pass


def _dump_name(dumper: yaml.SafeDumper, name: Name) -> yaml.Node:
    if name.options:
        return dumper.represent_mapping(f"tag:yaml.org,2002:python/object/apply:{name}", {"kwds": dict(name.options)})
    return dumper.represent_scalar(f"tag:yaml.org,2002:python/name:{name}", "")


_Dumper.add_representer(Name, _dump_name)


def build_config(
    text: str | None, *, site_name: str, plugins: frozenset[str] = frozenset(), keys: frozenset[str] = frozenset(),
    has_docs: bool = True,
) -> tuple[str, Sequence[Problem]]:  # fmt: skip
    """The configuration to build with, and what was left out of it. ``plugins`` and ``keys`` are allowed besides.

    Raises ``InputError`` where ``docs_dir`` leads out of the site.
    """
    parsed = parse_config(text or "", "mkdocs.yml")
    problems = list(parsed.problems)
    kept: dict[str, Any] = {}
    for key, value in parsed.values.items():
        if key in NEVER or key not in KEPT_KEYS | keys:
            problems.append(
                Problem(
                    "refused",
                    f"{key} was left out: documentation may not bring it.",
                    "mkdocs.yml",
                    parsed.lines.get(key),
                    is_error=False,
                )
            )
        else:
            kept[key] = value
    docs_dir = str(kept.get("docs_dir") or "docs")
    if posixpath.isabs(docs_dir) or posixpath.normpath(docs_dir).split("/")[0] == "..":
        raise InputError(
            f"docs_dir {docs_dir!r} leads out of the site.", file="mkdocs.yml", line=parsed.lines.get("docs_dir")
        )
    kept.setdefault("site_name", site_name)
    for key in ("site_dir", "dev_addr", "watch", "remote_branch", "remote_name"):
        kept.pop(key, None)  # where it is built is decided by who builds
    if "theme" in kept:
        kept["theme"] = _theme(kept["theme"], problems)
    kept["plugins"] = _plugins(kept.get("plugins"), PLUGINS | plugins, problems)
    if "markdown_extensions" in kept:
        kept["markdown_extensions"] = _extensions(kept["markdown_extensions"], problems)
    # The dumper writes no aliases to values of the site: a small file must not grow.
    return yaml.dump(_plain(kept), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000), problems


def _theme(theme: Any, problems: list[Problem]) -> Any:
    if not isinstance(theme, Mapping):
        return theme
    for key in theme:
        if key not in THEME_KEYS:
            problems.append(Problem("refused", f"theme.{key} was left out.", "mkdocs.yml", is_error=False))
    return {key: value for key, value in theme.items() if key in THEME_KEYS}


def _items(given: Any) -> list[tuple[str, Any]]:
    rows: Any = [{key: value} for key, value in given.items()] if isinstance(given, Mapping) else given
    found = []
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, str):
            found.append((row, None))
        elif isinstance(row, Mapping) and len(row) == 1:
            ((name, options),) = row.items()
            found.append((str(name), options))
    return found


def _plugins(given: Any, allowed: frozenset[str], problems: list[Problem]) -> list[Any]:
    kept: list[Any] = []
    for name, options in _items(given):
        if name not in allowed:
            problems.append(Problem("refused", f"The plugin {name} was left out.", "mkdocs.yml", is_error=False))
        else:
            kept.append({name: options} if options else name)
    if not any(name == "techdocs-core" or (isinstance(name, Mapping) and "techdocs-core" in name) for name in kept):
        kept.append("techdocs-core")
    return kept


def _extensions(given: Any, problems: list[Problem]) -> list[Any]:
    kept: list[Any] = []
    for name, options in _items(given):
        values = dict(options) if isinstance(options, Mapping) else {}
        if name.endswith("snippets"):
            values = {
                key: value
                for key, value in values.items()
                if key in ("auto_append", "check_paths", "dedent_subsections")
            }
            values |= {"base_path": ["."], "restrict_base_path": True, "url_download": False}
        if values.pop("plantuml_cmd", None) is not None:
            problems.append(
                Problem(
                    "refused", f"{name}: plantuml_cmd was left out: it runs a program.", "mkdocs.yml", is_error=False
                )
            )
        kept.append({name: values} if values else name)
    return kept


def _plain(value: Any, depth: int = 0) -> Any:
    if isinstance(value, Name):
        return value if str(value).startswith(_PACKAGES) else str(value)
    if isinstance(value, Mapping) and depth < 40:
        return {str(key): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)) and depth < 40:
        return [_plain(item, depth + 1) for item in value]
    return value if isinstance(value, (str, int, float, bool)) or value is None else str(value)
