"""What the templates of set-up see."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Mapping, Sequence

from callboard.features.setup.interface import Draft, Fault, Outcome, Verdict
from callboard.ui.messages import Translator
from callboard.ui.parts import Step, steps_to

STEPS: Sequence[tuple[str, str]] = (
    ("look", "/setup"),
    ("software", "/setup/software"),
    ("administrator", "/setup/administrator"),
)


@dataclass(frozen=True, slots=True)
class Told:
    """A verdict in the reader's language: ``setup/parts.html`` draws it as a banner."""

    status: str
    title: str
    body: Sequence[str] = ()
    actions: Sequence[object] = ()


@dataclass(frozen=True, slots=True)
class StepPage:
    """``setup/look.html``, ``software.html`` and ``administrator.html``.

    ``faults`` has the words for what is wrong with a field, by its name. ``banner`` is the answer to a check, or why finishing
    failed. ``preview`` is the settings file that would be written at ``file``; ``user`` and ``display_name`` what was typed.
    """

    title: str
    draft: Draft
    steps: Sequence[Step]
    faults: Mapping[str, str] = field(default_factory=dict)
    banner: Told | None = None
    preview: str = ""
    file: str = ""
    user: str = ""
    display_name: str = ""


@dataclass(frozen=True, slots=True)
class DoorPage:
    """``setup/door.html``: ``state`` is locked (no token), refused (a wrong one) or closed (there is nothing to set up)."""

    title: str
    state: Literal["locked", "refused", "closed"]
    message: str = ""


@dataclass(frozen=True, slots=True)
class DonePage:
    """``setup/done.html``. ``is_in_effect``: the portal has been started with settings since."""

    title: str
    outcome: Outcome
    is_in_effect: bool


def steps_of(current: str, t: Translator) -> Sequence[Step]:
    at = [name for name, _ in STEPS].index(current)
    return steps_to(at, [(t(f"setup.step.{name}"), href) for name, href in STEPS])


def words_of(faults: Sequence[Fault], t: Translator) -> Mapping[str, str]:
    return {fault.field: fault.text or t(fault.id, **dict(fault.named)) for fault in faults}


def told(verdict: Verdict, t: Translator) -> Told:
    return Told(verdict.status, t(verdict.id, **dict(verdict.named)), verdict.lines)
