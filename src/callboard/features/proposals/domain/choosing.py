"""Which files of a tree are worth reading, and in which order, when not all can be."""

from __future__ import annotations

import re
from typing import Final, Mapping, Sequence

from callboard.features.proposals.domain.values import Limits, folder_of, some, word_set

DESCRIPTORS: Final = ("catalog-info.yaml", "catalog-info.yml")
_SKIPPED: Final = word_set(
    "node_modules vendor third_party .git .hg .svn .venv venv site-packages __pycache__ .tox .mypy_cache bower_components"
    " jspm_packages dist build out target bin obj .next .nuxt .gradle .idea .terraform pods coverage"
)
"""Folders of what others wrote, or machines."""
_PRACTICE: Final = word_set(
    "test tests testdata __tests__ __fixtures__ __mocks__ fixtures fixture testing e2e spec specs example examples sample samples"
    " demo demos bench benches benchmark benchmarks template templates skeleton skeletons cookiecutter mocks stubs snapshots"
)
"""Folders whose manifests are there to be tried, not to be run."""
_BY_NAME: Final[Mapping[str, int]] = {
    **{f"{folder}codeowners": 0 for folder in ("", ".github/", ".gitlab/", "docs/", ".bitbucket/")},
    **dict.fromkeys(
        ["package.json", "pyproject.toml", "setup.cfg", "setup.py", "go.mod", "go.work", "cargo.toml", "pom.xml", "build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts", "gemfile", "composer.json", "mix.exs", "pnpm-workspace.yaml", "lerna.json", "nx.json", "chart.yaml", "compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml", "deno.json"],
        1,
    ),
    **dict.fromkeys(["dockerfile", "containerfile", "procfile", "mkdocs.yml", "mkdocs.yaml", "sonar-project.properties", "app.json"], 2),
    **dict.fromkeys(
        ["openapi.yaml", "openapi.yml", "openapi.json", "swagger.yaml", "swagger.yml", "swagger.json", "asyncapi.yaml", "asyncapi.yml", "asyncapi.json", "schema.graphql", "schema.graphqls"],
        2,
    ),
    **dict.fromkeys(["license", "license.md", "license.txt", "licence", "copying", "unlicense"], 3),
}  # fmt: skip
_BY_PATTERN: Final[Sequence[tuple[re.Pattern[str], int]]] = (
    (re.compile(r".*\.(?:csproj|fsproj|vbproj|gemspec)"), 1),
    (re.compile(r"(?:docker-)?compose[.-][\w.-]+\.ya?ml"), 2),
    (re.compile(r"dockerfile\.[\w-]+|[\w-]+\.dockerfile"), 2),
    (re.compile(r"readme(?:\.(?:md|markdown|rst|adoc|txt))?"), 2),
    (re.compile(r".*(?:openapi|swagger|asyncapi).*\.(?:ya?ml|json)"), 2),
    (re.compile(r".*\.(?:graphqls|proto)"), 3),
    (re.compile(r".*schema.*\.graphql"), 3),
)
_API_FOLDER: Final = re.compile(r"(?:^|/)(?:api|apis|openapi|swagger|asyncapi|contracts|specs?)/[^/]+\.(?:ya?ml|json)$")
_FALLBACK: Final = 4


def rank_of(path: str) -> int | None:
    """How much a file may tell: 0 is most; None for what is not read."""
    lowered = path.lower()
    folder, _, name = lowered.rpartition("/")
    parts = folder.split("/") if folder else []
    if any(part in _SKIPPED for part in parts):
        return None
    if lowered in _BY_NAME and name == "codeowners":
        return 0
    if name == "codeowners":
        return None  # no host reads it there
    is_practice = any(part in _PRACTICE for part in parts)
    if name in DESCRIPTORS:
        return 1
    if is_practice and not _API_FOLDER.search(lowered):
        return None
    if name in _BY_NAME:
        return _BY_NAME[name]
    for pattern, rank in _BY_PATTERN:
        if pattern.fullmatch(name):
            return rank
    return _FALLBACK if _API_FOLDER.search(lowered) and len(parts) <= 6 else None


def is_practice(path: str) -> bool:
    """Whether it lies in a folder of tests or examples."""
    return any(part in _PRACTICE for part in folder_of(path.lower()).split("/"))


def choose(files: Sequence[tuple[str, int | None]], limits: Limits) -> tuple[list[str], list[str]]:
    """Of (path, bytes or None where the host does not say) those to read, the most telling first; and what was left out."""
    ranked = sorted((rank, path.count("/"), path, size) for path, size in files if (rank := rank_of(path)) is not None)
    chosen: list[str] = []
    large: list[str] = []
    dropped = total = 0
    for _, _, path, size in ranked:
        if size is not None and size > limits.file_bytes:
            large.append(path)
        elif len(chosen) >= limits.files or total + (size or 0) > limits.total_bytes:
            dropped += 1
        else:
            chosen.append(path)
            total += size or 0
    notes = []
    if large:
        notes.append(f"Not read, larger than {limits.file_bytes // 1024} KiB: {some(sorted(large))}.")
    if dropped:
        notes.append(f"{dropped} more files that may tell something were not read: {len(chosen)} are the limit here.")
    practice = sum(1 for path, _ in files if is_practice(path) and path.lower().rpartition("/")[2] in _MANIFESTS)
    if practice:
        notes.append(f"{practice} manifests in folders of tests, examples and templates were passed over.")
    return chosen, notes


_MANIFESTS: Final = frozenset(name for name, rank in _BY_NAME.items() if rank == 1)
