"""Which folders of a repository are things of their own: each with its manifests, containers, charts and services."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Iterable, Sequence

from callboard.features.proposals.domain.choosing import DESCRIPTORS, is_practice
from callboard.features.proposals.domain.deployment import Chart, Dockerfile, Service
from callboard.features.proposals.domain.manifests.values import ECOSYSTEMS, Manifest
from callboard.features.proposals.domain.readme import Readme
from callboard.features.proposals.domain.values import Evidence, Tree, folder_of, holder_of, is_below, word_set
from callboard.features.proposals.domain.words import say

_CONTAINER_FOLDERS: Final = word_set(
    "docker build deploy deployment .devcontainer devcontainer ci infra infrastructure container containers ops packaging k8s"
)
_NOT_A_PART: Final = word_set(".devcontainer .github .gitlab .circleci .storybook .vscode .husky")


@dataclass(slots=True)
class Part:
    """A folder that is a component. ``reasons`` say why it is one; ``is_member`` of a workspace."""

    folder: str
    manifests: list[Manifest] = field(default_factory=list)
    dockerfiles: list[Dockerfile] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    services: list[Service] = field(default_factory=list)
    readme: Readme | None = None
    reasons: list[Evidence] = field(default_factory=list)
    is_member: bool = False
    name: str = ""

    @property
    def key(self) -> str:
        return f"component:{self.folder}"

    @property
    def main(self) -> Manifest | None:
        """The manifest that speaks for the folder."""
        return min(self.manifests, key=_rank, default=None)


def _rank(manifest: Manifest) -> tuple[bool, bool, int]:
    return not manifest.name, manifest.is_private, ECOSYSTEMS.index(manifest.ecosystem)


def find_parts(
    tree: Tree,
    manifests: Sequence[Manifest],
    dockerfiles: Sequence[Dockerfile],
    services: Sequence[Service],
    charts: Sequence[Chart],
    readmes: dict[str, Readme],
) -> list[Part]:
    """The parts, by folder; at least one unless there is nothing at all."""
    parts: dict[str, Part] = {}
    workspaces = [one for one in manifests if one.is_workspace]
    for manifest in manifests:
        _place_manifest(parts, manifest, workspaces)
    _drop_tools(parts)
    for dockerfile in dockerfiles:
        _place_dockerfile(parts, dockerfile)
    for service in services:
        _place_service(parts, service)
    for chart in charts:
        _place_chart(parts, chart)
    if not parts and any(not path.startswith(".") for path in tree.paths):
        parts[""] = Part("", reasons=[Evidence(say("proposals.why.repository_itself_nothing_says"))])
    for folder, part in parts.items():
        part.readme = readmes.get(folder)
    return [parts[folder] for folder in sorted(parts)]


def _place_manifest(parts: dict[str, Part], manifest: Manifest, workspaces: Iterable[Manifest]) -> None:
    if manifest.is_aggregate or any(word in _NOT_A_PART for word in manifest.folder.split("/")):
        return
    root = next((one for one in workspaces if one is not manifest and is_member(manifest.folder, one)), None)
    if root is not None and any(_fits(manifest.folder, root.folder, glob) for glob in root.excluded):
        return
    part = parts.setdefault(manifest.folder, Part(manifest.folder))
    part.manifests.append(manifest)
    if manifest.name:
        reason = manifest.says(
            say("proposals.why.package_own", name=manifest.name), f'"{manifest.name}"', manifest.name
        )
    else:
        reason = Evidence(say("proposals.why.package_own_as"), manifest.path, 1)
    part.reasons.append(reason)
    if root is not None:
        part.is_member = True
        part.reasons.append(
            Evidence(
                say("proposals.why.workspace_names", name=root.name)
                if root.name
                else say("proposals.why.root_workspace_names"),
                root.path,
                root.line(*root.members),
            )
        )


def is_member(folder: str, workspace: Manifest) -> bool:
    """Whether a folder is one that the workspace names."""
    return folder != workspace.folder and any(_fits(folder, workspace.folder, glob) for glob in workspace.members)


def _fits(folder: str, root: str, glob: str) -> bool:
    if not is_below(folder, root):
        return False
    inner = folder[len(root) + 1 :] if root else folder
    pattern = _glob(glob.removeprefix("./").strip("/"))
    return pattern is not None and pattern.fullmatch(inner) is not None


@lru_cache(maxsize=1024)
def _glob(glob: str) -> re.Pattern[str] | None:
    """A workspace's glob; None for one that is more involved than any real one."""
    if glob.count("*") > 6 or len(glob) > 300:
        return None
    parts = [
        "(?:[^/]+/)*" if part == "**" else re.escape(part).replace(r"\*", "[^/]*") + "/" for part in glob.split("/")
    ]
    body = "".join(parts)
    return re.compile(body[: -len("(?:[^/]+/)*")] + ".+" if glob.endswith("**") else body.removesuffix("/"))


def _drop_tools(parts: dict[str, Part]) -> None:
    """A package.json that only holds tools beside other packages is no thing of its own."""
    for folder, part in list(parts.items()):
        is_tools = all(
            one.ecosystem == "npm" and one.is_private and not one.hints and not one.dependencies
            for one in part.manifests
        )
        if is_tools and len(parts) > 1:
            del parts[folder]


def _place_dockerfile(parts: dict[str, Part], dockerfile: Dockerfile) -> None:
    folder = dockerfile.folder
    words = folder.split("/") if folder else []
    if any(word in _NOT_A_PART for word in words):
        return
    while words and words[-1].lower() in _CONTAINER_FOLDERS:
        words.pop()
    folder = "/".join(words)
    holder = holder_of(f"{folder}/x" if folder else "x", parts.keys())
    stem = dockerfile.path.rpartition("/")[2].lower().removeprefix("dockerfile").removesuffix("dockerfile").strip(".")
    named = [part for part in parts.values() if stem and part.folder.rpartition("/")[2].lower() == stem]
    if named:
        part = named[0]
    elif holder is not None and (holder or not folder):
        part = parts[holder]
    elif not folder and parts:
        return  # of the whole; which of them it builds is not said
    else:
        part = parts.setdefault(folder, Part(folder))
        part.reasons.append(Evidence(say("proposals.why.built_into_container_own"), dockerfile.path, 1))
    part.dockerfiles.append(dockerfile)


def _place_service(parts: dict[str, Part], service: Service) -> None:
    if service.folder is None:
        return
    holder = holder_of(f"{service.folder}/x" if service.folder else "x", parts.keys())
    if holder is None or (holder == "" and service.folder and not parts[""].manifests):
        holder = service.folder
        if is_practice(f"{holder}/x"):
            return
        parts[holder] = Part(
            holder,
            reasons=[
                Evidence(say("proposals.why.service_built_from_here", name=service.name), service.path, service.line)
            ],
        )
    parts[holder].services.append(service)


def _place_chart(parts: dict[str, Part], chart: Chart) -> None:
    by_name = [
        part for part in parts.values()
        if chart.name in {part.folder.rpartition("/")[2], *(one.name.rpartition("/")[2] for one in part.manifests)}
    ]  # fmt: skip
    holder = holder_of(f"{chart.folder}/x", parts.keys() - {""})
    if by_name:
        by_name[0].charts.append(chart)
    elif holder is not None:
        parts[holder].charts.append(chart)
    elif len(parts) == 1:
        next(iter(parts.values())).charts.append(chart)
    elif not parts:
        parts[""] = Part(
            "", charts=[chart], reasons=[Evidence(say("proposals.why.chart_deploys", name=chart.name), chart.path, 1)]
        )


def described_folders(tree: Tree) -> dict[str, str]:
    """Folders that a catalog-info.yaml describes already, with its path."""
    return {
        folder_of(path): path
        for path in tree.paths
        if path.rpartition("/")[2].lower() in DESCRIPTORS and not is_practice(path)
    }
