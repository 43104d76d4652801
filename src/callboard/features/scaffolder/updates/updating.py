"""An update put together: what was recorded, what the template makes now, what the repository holds. Alike for portal and command line."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any, Mapping, Sequence

from callboard.features.scaffolder.interface import TemplateSource
from callboard.features.scaffolder.updates.answers import fill_answers, public_answers
from callboard.features.scaffolder.updates.merging import TreeUpdate, update_tree
from callboard.features.scaffolder.updates.record_file import TemplateRecord, write_record
from callboard.features.scaffolder.updates.rendering import Rendering, TreeRenderer
from callboard.features.scaffolder.updates.text_merge import GitMerge, Labels, TextMerger, has_markers
from callboard.features.scaffolder.updates.trees import Node, Tree, below, lifted
from callboard.features.scaffolder.updates.versions import read_version, short
from callboard.kernel.errors import ConflictError, InputError

SHOWN = 5


class AnswersMissing(InputError):
    """The template asks what nobody has answered and has no default for."""

    code = "scaffolder.update_answers_missing"

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(
            f"The template now also asks for {', '.join(names)}, without a default. Give answers.", field=names[0]
        )
        self.names = list(names)


class MarkersLeft(ConflictError):
    """Clashes of an earlier update were never resolved."""

    code = "scaffolder.update_markers_left"

    def __init__(self, paths: Sequence[str]) -> None:
        more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
        super().__init__(f"An earlier update left clashes in {', '.join(paths[:SHOWN])}{more}. Resolve them first.")
        self.paths = list(paths)


@dataclass(frozen=True, slots=True)
class Target:
    """The template as it is now. ``source`` is what the record says of where it lies."""

    template: Mapping[str, Any]
    ref: str
    base_url: str
    source: str
    commit: str = ""


@dataclass(frozen=True, slots=True)
class Update:
    """``record`` is the one that belongs into the repository with the result; ``unknown_steps`` as in ``RenderedTree``."""

    trees: TreeUpdate
    record: TemplateRecord
    from_version: str
    unknown_steps: Sequence[str] = ()

    @property
    def record_files(self) -> dict[str, bytes]:
        return write_record(self.record)

    @property
    def is_behind(self) -> bool:
        return self.from_version != self.record.version


async def compute_update(
    record: TemplateRecord,
    target: Target,
    ours: Tree,
    *,
    renderer: TreeRenderer,
    source: TemplateSource,
    answers: Mapping[str, Any] | None = None,
    merge: TextMerger | None = None,
) -> Update:
    """What would become of ``ours``. ``answers`` are given over the recorded ones. Writes nothing.

    Raises:
        AnswersMissing: a new question has neither answer nor default.
        MarkersLeft: ``ours`` has marks of an earlier update.
        CannotRender: the template fails with these answers.
    """
    left = [
        path
        for path, node in sorted(ours.items())
        if node.content and path in record.files and has_markers(node.content)
    ]
    if left:
        raise MarkersLeft(left)
    filled, missing = fill_answers(target.template, {**record.answers, **(answers or {})})
    if missing:
        raise AnswersMissing(missing)
    version = await read_version(target.template, target.base_url, source)
    rendered = await renderer.render(
        Rendering(target.template, target.ref, target.base_url, filled, record.user, record.task_id, record.outputs)
    )
    theirs = lifted(below(rendered.tree, record.root), record.into)
    labels = Labels(theirs=f"template {short(version)}")
    trees = await asyncio.to_thread(update_tree, _known(record.files, ours), theirs, ours, merge or GitMerge(labels))
    made = replace(
        record,
        ref=target.ref,
        source=target.source,
        version=version,
        commit=target.commit,
        answers=public_answers(target.template, filled),
        files=theirs,
    )
    return Update(trees, made, record.version, rendered.unknown_steps)


def _known(base: Tree, ours: Tree) -> dict[str, Node]:
    """``base`` with the contents that are known by their hash alone and still stand in the repository."""
    return {
        path: replace(node, content=other.content)
        if node.content is None and (other := ours.get(path)) is not None and other.digest == node.digest
        else node
        for path, node in base.items()
    }
