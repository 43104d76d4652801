"""What the templates of set-up see."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Mapping, Sequence

from callboard.features.setup.interface import Draft, Fault, Outcome, Verdict
from callboard.ui.look.logos import MAX_BYTES
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
class Accent:
    """A colour that is offered; ``colour`` is empty for the portal's own. ``id`` ends the id of its name and of its class."""

    id: str
    colour: str


ACCENTS: Sequence[Accent] = (
    Accent("blue", ""),
    Accent("teal", "#0f766e"),
    Accent("green", "#2f7d32"),
    Accent("violet", "#6d3fc0"),
    Accent("plum", "#a0266f"),
    Accent("red", "#b3261e"),
    Accent("orange", "#c2570c"),
    Accent("slate", "#475569"),
)


@dataclass(frozen=True, slots=True)
class StepPage:
    """``setup/look.html``, ``software.html`` and ``administrator.html``.

    ``logo_url`` shows the logo chosen so far. ``faults`` has the words for what is wrong with a field, by its name. ``banner`` is the answer to a check, or why finishing
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
    logo_url: str | None = None
    accents: Sequence[Accent] = ()
    max_logo_bytes: int = MAX_BYTES

    @property
    def is_own_accent(self) -> bool:
        """Whether the colour is none of those offered."""
        return bool(self.draft.accent) and self.draft.accent not in [one.colour for one in self.accents]


@dataclass(frozen=True, slots=True)
class DoorPage:
    """``setup/door.html``: ``state`` is locked (no token), refused (a wrong one) or closed (there is nothing to set up)."""

    title: str
    state: Literal["locked", "refused", "closed"]
    message: str = ""


@dataclass(frozen=True, slots=True)
class DonePage:
    """``setup/done.html``. ``is_in_effect``: the portal has been started with settings since; ``is_restarting``: it is about to.

    ``fault``: why it could not be.
    """

    title: str
    outcome: Outcome
    is_in_effect: bool
    is_restarting: bool = False
    fault: str = ""


def steps_of(current: str, t: Translator) -> Sequence[Step]:
    at = [name for name, _ in STEPS].index(current)
    return steps_to(at, [(t(f"setup.step.{name}"), href) for name, href in STEPS])


def words_of(faults: Sequence[Fault], t: Translator) -> Mapping[str, str]:
    return {fault.field: fault.text or t(fault.id, **dict(fault.named)) for fault in faults}


def told(verdict: Verdict, t: Translator) -> Told:
    return Told(verdict.status, t(verdict.id, **dict(verdict.named)), verdict.lines)
