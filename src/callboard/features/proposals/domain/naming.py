"""What parts are called: by their package, their folder or the repository, cleaned, and each name once."""

from __future__ import annotations

from typing import Final

from callboard.features.importing.interface.matching import clean_name
from callboard.features.proposals.domain.manifests.compiled import short_module
from callboard.features.proposals.domain.manifests.values import Manifest
from callboard.features.proposals.domain.parts import Part
from callboard.features.proposals.domain.values import Confidence, Evidence, Field, RepositoryFacts, word_set
from callboard.features.proposals.domain.words import say

GENERIC: Final = word_set(
    "api app application apps backend client cli cmd code common core demo docs documentation example frontend front-end back-end"
    " gateway lib library main my-app myapp new-app package project repo root sample server service site src starter template test ui"
    " web webapp website www worker db database postgres postgresql mysql mariadb mongo mongodb redis cache queue broker kafka rabbitmq"
    " search elasticsearch opensearch storage minio proxy nginx monorepo workspace program module tools utils shared infra unnamed"
    " react-app vite-project vite-react-typescript-starter frontend-app"
)
"""Names that many repositories have: with the repository's name before them they are one's own."""


def short_name(manifest: Manifest) -> str:
    """What a package is called without its scope or path."""
    return short_module(manifest.name) if manifest.ecosystem == "go" else manifest.name.rpartition("/")[2]


def repository_name(facts: RepositoryFacts) -> str:
    return clean_name(facts.name)[0].lower() or "repository"


def name_part(part: Part, facts: RepositoryFacts, *, is_only: bool, taken: set[str]) -> Field:
    """A name that is not in ``taken``, to which it is added."""
    own = repository_name(facts)
    candidates: list[tuple[str, Confidence, Evidence]] = []
    main = part.main
    if main is not None and main.name:
        said = short_name(main)
        evidence = main.says(
            say("proposals.why.package_called", name=main.name), f'"{main.name}"', f">{main.name}<", main.name
        )
        candidates.append((said, "high", evidence))
    for service in part.services[:1] if part.folder else ():
        candidates.append(
            (
                service.name,
                "likely",
                Evidence(say("proposals.why.service_called", name=service.name), service.path, service.line),
            )
        )
    if part.folder:
        base = part.folder.rpartition("/")[2]
        candidates.append((base, "likely", Evidence(say("proposals.why.folder_called", base=base))))
    else:
        candidates.append(
            (
                facts.name,
                "high" if is_only else "likely",
                Evidence(say("proposals.why.repository_called", name=facts.name)),
            )
        )
    if not part.folder and is_only:  # people know a repository by its name
        candidates.sort(key=lambda one: one[0].lower() in GENERIC)
    for said, confidence, evidence in candidates:
        name = clean_name(said)[0].lower()
        if not name:
            continue
        if name in GENERIC and part.folder and own not in name:
            name = _joined(own, name)
            evidence = Evidence(
                say("proposals.why.repository_s_name_put", reason=evidence.reason), evidence.path, evidence.line
            )
        elif name in GENERIC and not part.folder and len(candidates) > 1 and said is not candidates[-1][0]:
            continue
        if name in taken:
            name = _joined(own, name)
        if name not in taken:
            taken.add(name)
            return Field(name, confidence, (evidence,))
    return _numbered(_joined(own, clean_name(part.folder or facts.name)[0].lower()), taken)


def free_name(said: str, own: str, taken: set[str]) -> str:
    """``said`` cleaned, with ``own`` before it where it is generic or taken; added to ``taken``."""
    name = clean_name(said)[0].lower()
    if not name or name in GENERIC or name in taken:
        name = _joined(own, name) if name else own
    return str(_numbered(name, taken).value)


def _numbered(name: str, taken: set[str]) -> Field:
    found, number = name, 1
    while found in taken:
        number += 1
        found = f"{name[:58]}-{number}"
    taken.add(found)
    return Field(found, "guess", (Evidence(say("proposals.why.made_names_repository_folder")),))


def _joined(first: str, second: str) -> str:
    if second == first or second.startswith(f"{first}-"):
        return second
    return clean_name(f"{first}-{second}")[0]
