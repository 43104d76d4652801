"""What sort of thing a part is: service, website, library, tool …, by everything that speaks for one of them."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final, Mapping, Sequence

from callboard.features.proposals.domain.parts import Part
from callboard.features.proposals.domain.values import Evidence, Field, Tree, Weighed, is_below
from callboard.features.proposals.domain.words import say

_FOLDER_WORDS: Final[Mapping[str, str]] = {
    "packages": "library", "libs": "library", "lib": "library", "crates": "library", "services": "service", "microservices": "service",
    "web": "website", "frontend": "website", "ui": "website", "website": "website", "site": "website", "webapp": "website",
    "api": "service", "backend": "service", "server": "service", "worker": "service", "cli": "tool", "cmd": "tool", "tools": "tool",
}  # fmt: skip


def sort_of(part: Part, tree: Tree, has_api: Sequence[Evidence]) -> Field:
    """The type with its reasons; a guess where nothing speaks."""
    votes = Weighed()
    for manifest in part.manifests:
        for hint in manifest.hints:
            votes.add(hint.type, hint.weight, Evidence(hint.reason, manifest.path, hint.line))
    for manifest in part.manifests:
        if manifest.ecosystem in ("go", "cargo"):
            _by_sources(votes, part, tree, manifest.ecosystem)
    _by_deployment(votes, part)
    for evidence in has_api[:1]:
        votes.add("service", 2, Evidence(say("proposals.why.lies_beside_definition_api"), evidence.path, evidence.line))
    words = part.folder.lower().split("/")
    for word in (words[-1], words[-2] if len(words) > 1 else ""):
        if word in _FOLDER_WORDS:
            votes.add(_FOLDER_WORDS[word], 1, Evidence(say("proposals.why.lies_folder_called", word=word)))
            break
    return votes.best() or _by_content(part, tree)


def _by_sources(votes: Weighed, part: Part, tree: Tree, ecosystem: str) -> None:
    prefix = f"{part.folder}/" if part.folder else ""
    if ecosystem == "go":
        inside = tree.paths[bisect_left(tree.paths, f"{prefix}cmd/") : bisect_left(tree.paths, f"{prefix}cmd0")]
        program = next(
            (path for path in (f"{prefix}main.go", *inside) if path.endswith("main.go") and is_there(tree, path)), None
        )
    else:
        program = f"{prefix}src/main.rs" if is_there(tree, f"{prefix}src/main.rs") else None
    if program is not None:
        votes.add("tool", 1, Evidence(say("proposals.why.has_main_program"), program, 1))
    else:
        votes.add("library", 1, Evidence(say("proposals.why.has_no_main_program")))


def is_there(tree: Tree, path: str) -> bool:
    at = bisect_left(tree.paths, path)
    return at < len(tree.paths) and tree.paths[at] == path


def _by_deployment(votes: Weighed, part: Part) -> None:
    for dockerfile in part.dockerfiles[:1]:
        if dockerfile.serves is not None:
            votes.add(
                "service", 2, Evidence(say("proposals.why.container_opens_port"), dockerfile.path, dockerfile.serves)
            )
        else:
            votes.add("service", 1, Evidence(say("proposals.why.built_into_container"), dockerfile.path, 1))
    for service in part.services[:1]:
        reason = (
            say("proposals.why.runs_with_ports", name=service.name)
            if service.has_ports
            else say("proposals.why.runs_as_service", name=service.name)
        )
        votes.add("service", 2 if service.has_ports else 1, Evidence(reason, service.path, service.line))
    for chart in part.charts[:1]:
        votes.add("service", 2, Evidence(say("proposals.why.chart_deploys", name=chart.name), chart.path, 1))


def _by_content(part: Part, tree: Tree) -> Field:
    below = [path for path in tree.paths if is_below(path, part.folder)][:5_000]
    for ending, type, reason in (
        (".tf", "infrastructure", say("proposals.why.terraform")), (".ipynb", "notebook", say("proposals.why.notebooks")),
    ):  # fmt: skip
        hit = next((path for path in below if path.endswith(ending)), None)
        if hit is not None and not part.manifests:
            return Field(type, "likely", (Evidence(reason, hit, 1),))
    words = [path for path in below if path.lower().endswith((".md", ".rst", ".adoc", ".txt"))]
    texts = set(words)
    code = [path for path in below if "." in path.rpartition("/")[2][1:] and path not in texts]
    if words and len(words) >= len(code) and not part.manifests:
        return Field(
            "documentation", "guess", (Evidence(say("proposals.why.files_are_text", n=len(words)), words[0], 1),)
        )
    if part.is_member or (part.manifests and part.folder):
        return Field("library", "guess", (Evidence(say("proposals.why.package_nothing_says_run")),))
    return Field("service", "guess", (Evidence(say("proposals.why.nothing_says_what")),))
