"""Gemfile and *.gemspec, composer.json and mix.exs. Ruby and Elixir are read as text, nothing is run."""

from __future__ import annotations

import re
from typing import Final, Sequence

from callboard.features.proposals.domain.manifests.values import Manifest
from callboard.features.proposals.domain.safely import mapping, parse_json, public_url, text, texts
from callboard.features.proposals.domain.words import say

_RUBY: Final[Sequence[tuple[str, str, int, str]]] = (
    ("rails", "service", 3, "rails"), ("sinatra", "service", 3, "sinatra"), ("hanami", "service", 3, "hanami"), ("grape", "service", 2, ""),
    ("puma", "service", 2, ""), ("jekyll", "website", 3, "jekyll"), ("middleman", "website", 3, "middleman"), ("thor", "tool", 1, ""),
)  # fmt: skip
_PHP: Final[Sequence[tuple[str, str, int, str]]] = (
    ("laravel/framework", "service", 3, "laravel"), ("symfony/framework-bundle", "service", 3, "symfony"), ("slim/slim", "service", 3, "slim"),
    ("drupal/core*", "website", 3, "drupal"), ("symfony/console", "tool", 1, ""),
)  # fmt: skip
_ELIXIR: Final[Sequence[tuple[str, str, int, str]]] = (
    ("phoenix", "service", 3, "phoenix"), ("plug_cowboy", "service", 2, ""), ("bandit", "service", 2, ""),
)  # fmt: skip
_GEM = re.compile(r"""^\s*gem\s*\(?\s*["']([\w.-]+)["']([^\n]*)""", re.MULTILINE)
_SPEC = re.compile(
    r"""^\s*\w+\.(name|summary|description|version|homepage|license)\s*=\s*["']([^"'\n]+)["']""", re.MULTILINE
)
_SPEC_DEPENDENCY = re.compile(r"""\.add_(?:runtime_)?dependency\s*\(?\s*["']([\w.-]+)["']""")


def parse_gemfile(path: str, content: str) -> Manifest | None:
    found = Manifest(path, "ruby", content)
    for name, rest in _GEM.findall(content)[:1_000]:
        found.depend(name, f'"{name}"', f"'{name}'")
        local = re.search(r"""path:?\s*(?:=>)?\s*["']([^"'\n]+)["']""", rest)
        if local:
            found.local_paths.append((local[1], found.dependencies[name]))
    found.hint_by_dependency(_RUBY)
    found.is_aggregate = not any(
        hint.type in ("service", "website") for hint in found.hints
    )  # tools of a gem, or of anything
    return found


def parse_gemspec(path: str, content: str) -> Manifest | None:
    said = {key: text(value) for key, value in _SPEC.findall(content)}
    stem = path.rpartition("/")[2].removesuffix(".gemspec")
    found = Manifest(path, "ruby", content, name=said.get("name") or stem)
    found.description = said.get("summary") or said.get("description") or ""
    found.version, found.license = said.get("version", ""), said.get("license", "")
    found.homepage = public_url(said.get("homepage", ""))
    for name in _SPEC_DEPENDENCY.findall(content)[:500]:
        found.depend(name, f'"{name}"', f"'{name}'")
    found.hint("library", 3, say("proposals.why.built_as_gem"), "Gem::Specification")
    found.hint_by_dependency(_RUBY[3:])
    return found


def parse_composer(path: str, content: str) -> Manifest | None:
    value = parse_json(content)
    if value is None:
        return None
    found = Manifest(
        path, "php", content, name=text(value.get("name"), 200), description=text(value.get("description"))
    )
    found.homepage = public_url(value.get("homepage"))
    found.license = next(iter(texts(value.get("license"))), "")[:60]
    found.keywords = tuple(texts(value.get("keywords")))
    for name in list(mapping(value.get("require")))[:1_000]:
        if "/" in name:
            found.depend(name, f'"{name}"')
    repositories = value.get("repositories")
    for one in (
        repositories.values()
        if isinstance(repositories, dict)
        else repositories
        if isinstance(repositories, list)
        else ()
    ):
        if mapping(one).get("type") == "path" and isinstance(one.get("url"), str):
            found.local_paths.append((one["url"], found.line(one["url"])))
    type = text(value.get("type"))
    if type in ("library", "symfony-bundle", "composer-plugin"):
        found.hint("library", 3, say("proposals.why.type", type=type), '"type"')
    elif type == "project":
        found.hint("service", 1, say("proposals.why.type_project"), '"type"')
    if value.get("bin"):
        found.hint("tool", 2, say("proposals.why.installs_command"), '"bin"')
    found.hint_by_dependency(_PHP)
    return found


def parse_mix(path: str, content: str) -> Manifest | None:
    app = re.search(r"\bapp:\s*:(\w+)", content)
    umbrella = re.search(r"""apps_path:\s*["']([\w/.-]+)["']""", content)
    if app is None and umbrella is None:
        return None
    found = Manifest(path, "elixir", content, name=app[1] if app else "")
    described = re.search(r"""\bdescription:\s*["']([^"'\n]+)["']""", content)
    found.description = text(described[1]) if described else ""
    for name, rest in re.findall(r"\{\s*:(\w+)\s*,([^}]*)\}", content)[:500]:
        found.depend(name, f"{{:{name}", f":{name}")
        local = re.search(r"""path:\s*["']([^"'\n]+)["']""", rest)
        if local:
            found.local_paths.append((local[1], found.dependencies[name]))
        elif "in_umbrella: true" in rest:
            found.local_paths.append((f"../{name}", found.dependencies[name]))
    if "escript:" in content:
        found.hint("tool", 2, say("proposals.why.builds_command"), "escript:")
    elif "package:" in content:
        found.hint("library", 2, say("proposals.why.published_as_package"), "package:")
    found.hint_by_dependency(_ELIXIR)
    if umbrella:
        found.members, found.is_aggregate = (f"{umbrella[1]}/*",), True
    return found
