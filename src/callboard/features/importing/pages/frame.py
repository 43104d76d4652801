"""What all pages of an import share: addresses, the steps at the top, the words for stages and people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Mapping, Sequence
from urllib.parse import quote, urlencode

from callboard.features.importing.interface import ACTIONS, Action, ImportRecord, Stage
from callboard.ui.environment import entity_path
from callboard.ui.icons import kind_mark, stable_hue
from callboard.ui.messages import Translator
from callboard.ui.parts import Crumb, EntityLink, Status, Step, steps_to

StepId = Literal["file", "columns", "plan", "done"]
STEPS: tuple[StepId, ...] = ("file", "columns", "plan", "done")

ACTION_STATUS: Mapping[Action, str] = {
    "create": "ok",
    "change": "info",
    "unchanged": "",
    "conflict": "warn",
    "rejected": "bad",
}
STAGE_STATUS: Mapping[Stage, str] = {"applied": "ok", "failed": "bad", "planning": "info", "applying": "info"}


@dataclass(frozen=True, slots=True)
class Head:
    """What every page of one import says of it. ``sheet`` is empty where the file has one tab."""

    id: str
    filename: str
    sheet: str
    rows: int


def import_path(id: str, part: str = "", /, **query: str | int) -> str:
    """The address of an import, or of one of its pages; empty values of ``query`` are left out."""
    given = {key: value for key, value in query.items() if value not in ("", 0)}
    path = f"/import/{quote(id, safe='')}" + (f"/{part}" if part else "")
    return path + (f"?{urlencode(given)}" if given else "")


def head_of(record: ImportRecord) -> Head:
    return Head(record.id, record.filename, record.sheet if len(record.sheets) > 1 else "", record.rows)


def crumbs_of(record: ImportRecord, t: Translator) -> Sequence[Crumb]:
    return (Crumb(t("importing.title"), "/import"), Crumb(record.filename))


def steps_of(current: StepId, t: Translator, record: ImportRecord | None = None) -> Sequence[Step]:
    """Steps behind the current one can be gone back to, until the import is applied: what was written is not chosen again."""
    is_open = record is not None and record.stage in ("draft", "planned", "failed")
    hrefs: dict[StepId, str] = {}
    if record is not None:
        hrefs["plan"] = import_path(record.id, "plan")
        if is_open:
            hrefs |= {"file": "/import", "columns": import_path(record.id, "columns")}
    return steps_to(STEPS.index(current), [(t(f"importing.step.{id}"), hrefs.get(id)) for id in STEPS])


def ref_link(ref: str, title: str | None = None) -> EntityLink:
    """A link to an entity that nobody looked up; ``title`` is what it is called."""
    kind, _, rest = ref.partition(":")
    namespace, _, name = rest.partition("/")
    mark = kind_mark(kind)
    is_person = kind.lower() in ("user", "group")
    short = name if namespace == "default" else rest
    return EntityLink(
        ref=ref,
        href=entity_path(ref),
        title=title or short or ref,
        short=short or ref,
        kind=kind.lower(),
        icon=mark.icon,
        hue=stable_hue(ref.lower()) if is_person else mark.hue,
    )


def kind_link(kind: str, t: Translator) -> EntityLink:
    """A link to all of a kind in the catalog, named as the catalog's list names it."""
    id, mark = f"catalog.kind.{kind.lower()}", kind_mark(kind)
    title = t(id) if t.has(id) else kind
    return EntityLink("", "/catalog?" + urlencode({"kind": kind.lower()}), title, title, "kind", mark.icon, mark.hue)


def person_of(subject: str) -> str:
    """How somebody reads in a line: the name in ``user:default/ada``."""
    return subject.rpartition("/")[2] or subject


def stage_status(stage: Stage) -> str:
    """The look of the chip for a stage; empty is neutral."""
    return STAGE_STATUS.get(stage, "")


def counts_text(counts: Mapping[Action, int], t: Translator, *, is_done: bool = True) -> str:
    """``134 created, 2 rejected``, or ``134 to create`` before it is done: what is not zero, or that there is nothing."""
    tense = "count" if is_done else "planned"
    said = [t(f"importing.{tense}.{action}", n=counts[action]) for action in ACTIONS if counts.get(action)]
    return ", ".join(said) if said else t("importing.count.none")


def confidence_of(confidence: float) -> tuple[str, Status]:
    """The word (``importing.confidence.<word>``) and the mark for a confidence from 0 to 1."""
    if confidence >= 0.85:
        return "sure", "ok"
    if confidence >= 0.6:
        return "likely", "info"
    if confidence >= 0.35:
        return "maybe", "warn"
    return "guess", "unknown"
