"""``/create/edit``: a template in the browser, its form as it will look, a dry run, and expressions to try."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Sequence

from markupsafe import Markup

from callboard.features.scaffolder.pages.drafts import Draft
from callboard.features.scaffolder.pages.schemas import SchemaRow
from callboard.features.scaffolder.pages.trials import Answer, Trial
from callboard.ui.messages import Translator
from callboard.ui.parts import Banner, Crumb, Tab

PANES = ("form", "run", "eval")


@dataclass(frozen=True, slots=True)
class FileView:
    """A file in the editor. ``text`` None: bytes, carried as ``encoded``. ``depth`` and ``name`` draw the tree."""

    index: int
    path: str
    name: str
    folder: str
    depth: int
    is_current: bool
    text: str | None
    encoded: str


@dataclass(frozen=True, slots=True)
class FormPart:
    """A page of the form: drawn (``html``), or as its fields where nothing draws it."""

    title: str
    description: Markup | None
    html: Markup | None
    rows: Sequence[SchemaRow]


@dataclass(frozen=True, slots=True)
class EditPage:
    """``scaffolder/edit.html``. ``problem`` is why the YAML cannot be read, with the place to go to."""

    title: str
    crumbs: Sequence[Crumb]
    tabs: Sequence[Tab]
    draft: Draft
    files: Sequence[FileView]
    pane: str
    banners: Sequence[Banner]
    problem: str
    line: int
    column: int
    form: Sequence[FormPart]
    trial: Trial | None
    value_problems: Sequence[str]
    answer: Answer | None
    context: str
    templates: Sequence[tuple[str, str]]


def file_views(draft: Draft) -> list[FileView]:
    """The template first, then all others as a tree would list them; ``index`` is the place in the form."""
    rows = sorted(enumerate(draft.files[1:], 1), key=lambda pair: _tree_key(pair[1].path))
    views = []
    last: tuple[str, ...] = ()
    for index, one in [(0, draft.files[0]), *rows]:
        *folders, name = one.path.split("/")
        text = one.text
        same = tuple(folders) == last
        views.append(
            FileView(
                index, one.path, name, "" if same else "/".join(folders), len(folders), index == draft.at, text,
                "" if text is not None else base64.b64encode(one.content).decode(),
            )
        )  # fmt: skip
        last = tuple(folders)
    return views


def _tree_key(path: str) -> tuple[tuple[int, str], ...]:
    *folders, name = path.lower().split("/")
    return (*((0, folder) for folder in folders), (1, name))


def pane_tabs(current: str, t: Translator) -> list[tuple[str, str, bool]]:
    return [(pane, t(f"scaffolder.page.edit.pane.{pane}"), pane == current) for pane in PANES]
