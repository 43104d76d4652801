"""The pages of the wizard: a page of questions, and the review."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Sequence

from markupsafe import Markup

from callboard.features.scaffolder.forms.checking import Fault
from callboard.features.scaffolder.forms.drawing import PageView
from callboard.features.scaffolder.forms.review import ReviewPage
from callboard.features.scaffolder.interface import TemplateForm
from callboard.ui.messages import Translator
from callboard.ui.parts import Banner, Crumb


@dataclass(frozen=True, slots=True)
class WizardStep:
    """A step of the wizard; ``go`` is what its button sends, empty for one that cannot be gone to yet."""

    title: str
    state: str
    go: str = ""


@dataclass(frozen=True, slots=True)
class WizardPage:
    """``forms/wizard.html``. ``state`` and ``sealed`` carry the answers; ``faults`` are told above the fields; ``view`` is None at the
    review, whose ``reviews`` are the pages with their answers.
    """

    title: str
    template: str
    description: Markup
    crumbs: Sequence[Crumb]
    action: str
    steps: Sequence[WizardStep]
    index: int
    reached: int
    last: int
    state: str
    sealed: str
    banners: Sequence[Banner]
    faults: Sequence[Fault]
    view: PageView | None
    reviews: Sequence[ReviewPage]
    back_label: str
    next_label: str
    can_review: bool
    review_label: str
    asked: str


def wizard_steps(titles: Sequence[str], index: int, reached: int, t: Translator) -> list[WizardStep]:
    steps = []
    for n, title in enumerate([*titles, t("scaffolder.form.review")]):
        state = "current" if n == index else "done" if n < reached else "ahead"
        go = f"go:{n}" if n != index and n <= reached else ""
        steps.append(WizardStep(title or t("scaffolder.form.page", n=n + 1), state, go))
    return steps


def labels_of(form: TemplateForm, t: Translator) -> Mapping[str, str]:
    """Words of the buttons, the template's own where it has them."""
    said: Any = (form.presentation or {}).get("buttonLabels")
    said = said if isinstance(said, Mapping) else {}
    own = {key: str(one) for key, one in said.items() if isinstance(one, str) and one.strip()}
    return {
        "back": own.get("backButtonText") or t("scaffolder.form.back"),
        "create": own.get("createButtonText") or t("scaffolder.form.create"),
        "review": own.get("reviewButtonText") or t("scaffolder.form.review"),
        "next": t("scaffolder.form.next"),
    }
