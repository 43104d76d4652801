"""pyproject.toml, setup.cfg and setup.py. Nothing is run: setup.py is read as text."""

from __future__ import annotations

import ast
import configparser
import re
from typing import Any, Final, Iterable, Sequence

from callboard.features.proposals.domain.manifests.values import Manifest
from callboard.features.proposals.domain.safely import mapping, parse_toml, public_url, text, texts
from callboard.features.proposals.domain.words import say

_KNOWN: Final[Sequence[tuple[str, str, int, str]]] = (
    ("django", "service", 2, "django"), ("fastapi", "service", 2, "fastapi"), ("flask", "service", 2, "flask"), ("starlette", "service", 2, "starlette"),
    ("aiohttp", "service", 1, ""), ("tornado", "service", 2, ""), ("sanic", "service", 2, ""), ("falcon", "service", 2, ""),
    ("litestar", "service", 2, "litestar"), ("uvicorn", "service", 1, ""), ("gunicorn", "service", 2, ""), ("grpcio", "service", 1, "grpc"),
    ("celery", "service", 1, "celery"), ("streamlit", "website", 2, "streamlit"), ("apache-airflow", "service", 2, "airflow"),
    ("mkdocs", "website", 1, ""), ("typer", "tool", 1, ""), ("click", "tool", 1, ""),
)  # fmt: skip
_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_LOCAL = re.compile(r"@\s*(?:file:)?(?://)?(\.{1,2}/[^\s;#]*)")
MAX_AST_BYTES = 64 * 1024


def normal(name: str) -> str:
    """The name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def parse_pyproject(path: str, content: str) -> Manifest | None:
    value = parse_toml(content)
    if value is None:
        return None
    project, tool = mapping(value.get("project")), mapping(value.get("tool"))
    poetry = mapping(tool.get("poetry"))
    if not project and not poetry and "build-system" not in value and not mapping(tool.get("uv")):
        return None  # settings of tools alone
    found = Manifest(path, "python", content)
    for source in (project, poetry):
        found.name = found.name or text(source.get("name"), 200)
        found.description = found.description or text(source.get("description"))
        found.version = found.version or text(source.get("version"), 60)
        found.keywords = found.keywords or tuple(texts(source.get("keywords")))
    said = project.get("license")
    found.license = text(mapping(said).get("text") if isinstance(said, dict) else said or poetry.get("license"), 60)
    urls = {str(key).lower(): url for key, url in mapping(project.get("urls")).items()}
    found.homepage = public_url(urls.get("homepage") or urls.get("home") or poetry.get("homepage"))
    people = [*_list(project.get("maintainers")), *_list(project.get("authors"))]
    found.authors = tuple(name for person in people if (name := text(mapping(person).get("name"), 200)))[:5]
    _add_requirements(found, texts(project.get("dependencies")))
    _add_poetry(found, mapping(poetry.get("dependencies")))
    uv = mapping(tool.get("uv"))
    found.members = tuple(texts(mapping(uv.get("workspace")).get("members")))
    for name, source in mapping(uv.get("sources")).items():
        if isinstance(mapping(source).get("path"), str):
            found.local_paths.append((source["path"], found.line(f"{name} =")))
    if project.get("scripts") or poetry.get("scripts"):
        found.hint("tool", 2, say("proposals.why.installs_command"), "scripts]", "scripts")
    if "build-system" in value:
        found.hint("library", 1, say("proposals.why.built_as_package"), "[build-system]")
    found.hint_by_dependency(_KNOWN)
    found.is_aggregate = bool(found.members) and not found.name
    return found


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _add_requirements(found: Manifest, lines: Iterable[str]) -> None:
    for line in lines:
        name = _REQUIREMENT.match(line)
        if name is None:
            continue
        found.depend(normal(name[1]), f'"{name[1]}', f"'{name[1]}", name[1])
        local = _LOCAL.search(line)
        if local:
            found.local_paths.append((local[1], found.line(local[1])))


def _add_poetry(found: Manifest, dependencies: dict[str, Any]) -> None:
    for name, wanted in dependencies.items():
        if name.lower() == "python":
            continue
        found.depend(normal(name), f"{name} =", name)
        if isinstance(mapping(wanted).get("path"), str):
            found.local_paths.append((wanted["path"], found.line(f"{name} =")))


def parse_setup_cfg(path: str, content: str) -> Manifest | None:
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(content)
    except configparser.Error:
        return None
    if not parser.has_section("metadata"):
        return None
    found = Manifest(path, "python", content)
    found.name = text(parser.get("metadata", "name", fallback=""), 200)
    found.description = text(parser.get("metadata", "description", fallback="").split("\n")[0])
    found.version = text(parser.get("metadata", "version", fallback=""), 60)
    found.license = text(parser.get("metadata", "license", fallback=""), 60)
    found.homepage = public_url(parser.get("metadata", "url", fallback=""))
    _add_requirements(found, parser.get("options", "install_requires", fallback="").splitlines())
    if "console_scripts" in content:
        found.hint("tool", 2, say("proposals.why.installs_command"), "console_scripts")
    found.hint("library", 1, say("proposals.why.built_as_package"), "[metadata]")
    found.hint_by_dependency(_KNOWN)
    return found


def parse_setup_py(path: str, content: str) -> Manifest | None:
    """What ``setup(…)`` is called with, as far as it is written there as plain text."""
    if len(content) > MAX_AST_BYTES:
        return None
    try:
        module = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "setup":
            return _of_call(path, content, node)
    return None


def _of_call(path: str, content: str, call: ast.Call) -> Manifest:
    said: dict[str, Any] = {}
    for keyword in call.keywords:
        if keyword.arg is None:
            continue
        try:
            said[keyword.arg] = ast.literal_eval(keyword.value)
        except (ValueError, TypeError, RecursionError, MemoryError, SyntaxError):
            continue
    found = Manifest(path, "python", content)
    found.name = text(said.get("name"), 200)
    found.description = text(said.get("description"))
    found.version = text(said.get("version"), 60)
    found.license = text(said.get("license"), 60)
    found.homepage = public_url(said.get("url"))
    _add_requirements(found, texts(said.get("install_requires")))
    if "console_scripts" in content:
        found.hint("tool", 2, say("proposals.why.installs_command"), "console_scripts")
    found.hint("library", 1, say("proposals.why.built_as_package"), "setup(")
    found.hint_by_dependency(_KNOWN)
    return found
