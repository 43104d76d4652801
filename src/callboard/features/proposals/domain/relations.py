"""What parts rely on: each other by their packages and services, and databases, caches and brokers that they are started with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Sequence

from callboard.features.proposals.domain.deployment import Service
from callboard.features.proposals.domain.manifests.python import normal
from callboard.features.proposals.domain.manifests.values import Manifest
from callboard.features.proposals.domain.parts import Part
from callboard.features.proposals.domain.values import Evidence, folder_of, holder_of
from callboard.features.proposals.domain.words import say
from callboard.kernel.source_host import join_path


@dataclass(slots=True)
class Needed:
    """A resource that somebody needs. ``called`` is what the file calls it, ``users`` are folders of parts."""

    key: str
    called: str
    type: str
    technology: str
    evidence: list[Evidence]
    users: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Relations:
    """By folder of the part: keys of drafts with the reasons. ``calls`` are parts whose host it is told."""

    depends: dict[str, dict[str, list[Evidence]]] = field(default_factory=dict)
    calls: dict[str, dict[str, Evidence]] = field(default_factory=dict)
    resources: dict[str, Needed] = field(default_factory=dict)

    def add(self, folder: str, key: str, evidence: Evidence) -> None:
        self.depends.setdefault(folder, {}).setdefault(key, []).append(evidence)


def relate(parts: Sequence[Part], services: Sequence[Service]) -> Relations:
    found = Relations()
    by_folder = {part.folder: part for part in parts}
    _by_packages(found, parts, by_folder)
    _by_services(found, parts, services)
    for part in parts:
        _by_charts(found, part)
    return found


def _package(manifest: Manifest, name: str) -> tuple[str, str]:
    return manifest.ecosystem, normal(name) if manifest.ecosystem == "python" else name


def _by_packages(found: Relations, parts: Sequence[Part], by_folder: dict[str, Part]) -> None:
    owners = {_package(one, one.name): part for part in parts for one in part.manifests if one.name}
    for part in parts:
        for manifest in part.manifests:
            for name, line in manifest.dependencies.items():
                other = owners.get(_package(manifest, name))
                if other is not None and other is not part:
                    found.add(
                        part.folder,
                        other.key,
                        Evidence(say("proposals.why.package_depends_on_which", name=name), manifest.path, line),
                    )
            for target, line in manifest.local_paths:
                folder = _resolve(manifest, target)
                holder = None if folder is None else holder_of(f"{folder}/x" if folder else "x", by_folder.keys())
                if holder is not None and holder != part.folder and (holder or not folder):
                    found.add(
                        part.folder,
                        f"component:{holder}",
                        Evidence(say("proposals.why.package_takes_from_here", target=target), manifest.path, line),
                    )


def _resolve(manifest: Manifest, target: str) -> str | None:
    if target.startswith(":"):  # Gradle: from the root of its build
        inner = target.strip(":").replace(":", "/")
        above = manifest.folder
        while above:
            above = folder_of(above)
            if manifest.folder == f"{above}/{inner}".strip("/"):
                return None
        return inner
    return join_path(manifest.path, target)


def _by_services(found: Relations, parts: Sequence[Part], services: Sequence[Service]) -> None:
    built = {(folder_of(service.path), service.name): part for part in parts for service in part.services}
    stored: dict[tuple[str, str], Needed] = {}
    for service in services:
        if service.technology is not None:
            place = (folder_of(service.path), service.name)
            type, technology = service.technology
            evidence = Evidence(
                say("proposals.why.service_runs", name=service.name, image=service.image), service.path, service.line
            )
            needed = Needed(f"resource:{place[0]}:{service.name}", service.name, type, technology, [evidence])
            stored[place] = found.resources[needed.key] = needed
    for service in services:
        part = built.get((folder_of(service.path), service.name))
        if part is None:
            continue
        for other, evidence in service.needs.items():
            place = (folder_of(service.path), other)
            if place in stored:
                found.add(part.folder, stored[place].key, evidence)
                _use(stored[place], part.folder)
            elif place in built and built[place] is not part:
                found.add(part.folder, built[place].key, evidence)
                if " the host " in evidence.reason:
                    found.calls.setdefault(part.folder, {}).setdefault(built[place].folder, evidence)
    _adopt(found, parts)


def _adopt(found: Relations, parts: Sequence[Part]) -> None:
    """What nothing here is said to need belongs to the one part there is; with several it stays by itself."""
    if len(parts) != 1:
        return
    for needed in found.resources.values():
        if not needed.users:
            found.add(parts[0].folder, needed.key, needed.evidence[0])
            _use(needed, parts[0].folder)


def _by_charts(found: Relations, part: Part) -> None:
    for chart in part.charts:
        for name, (type, technology), line in chart.needs:
            evidence = Evidence(say("proposals.why.chart_brings", name=chart.name, name_=name), chart.path, line)
            same = [
                one for one in found.resources.values() if one.technology == technology and part.folder in one.users
            ]
            if len(same) == 1:
                needed = same[0]
                needed.evidence.append(evidence)
            else:
                key = f"resource:{chart.folder}:{name}"
                needed = found.resources.setdefault(key, Needed(key, name, type, technology, [evidence]))
            found.add(part.folder, needed.key, evidence)
            _use(needed, part.folder)


def _use(needed: Needed, folder: str) -> None:
    if folder not in needed.users:
        needed.users.append(folder)
