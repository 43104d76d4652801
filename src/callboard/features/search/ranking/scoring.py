"""Scoring: how well a document answers a question.

BM25F over the parts of a document (words in a name weigh more than in text, and a part that says little else more than a long one),
times the share of the question that is covered. Things that are called what the question says come first. A page is as good as its best
passage, and better when what that passage lacks stands elsewhere on it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Mapping, Sequence

from callboard.features.search.ranking.question import How, Question, Whole, how_of
from callboard.features.search.store.documents import Row
from callboard.features.search.text.words import WEAK

FIELD_WEIGHTS = (3.0, 3.0, 2.0, 1.5, 1.0)
"""Of ``records.FIELDS``."""
USUAL_LENGTHS = (5.0, 5.0, 6.0, 12.0, 60.0)
LENGTH_SHARE = (0.5, 0.3, 0.5, 0.3, 0.6)
"""How much the length of each part counts: BM25's b."""
SATURATION = 1.2
"""BM25's k1."""
COVERAGE_POWER = 0.8
PAGE_SHARE = 0.25
"""What all passages of a page together count against the best of them."""
NEAR = 3
NEAR_SHARE = 0.15
"""Words that stand together in the question and within ``NEAR`` of one another in the document add this share of their weight."""
NAMED_SHARE = 0.8
"""What being called what (a part of) the question says adds, as a share of the weight of those words."""
BEGUN_SHARE = 0.6
"""What having a name that begins with the whole question adds at least, likewise; more as less of the name is left."""
TITLE_SHARE = 1.0
"""What a title that is wholly in the question adds, likewise; less as more of the title is not in it."""
PRIOR_SHARE = 0.002
FAVOURED = {"owner": "software-catalog", "steps": "techdocs"}
"""Types of documents that answer a question of an intent, by their names in Backstage."""
FAVOUR = 1.15
FEW_FORMS = 8
"""Up to so many words are looked for in a line one by one before it is taken apart."""


@dataclass(slots=True)
class Judged:
    """A document with what was found in it. ``units``: score of each word; ``found``: (part, form, how) of its best match.

    ``is_begun``: it has a name that begins with the whole question.
    """

    row: Row
    score: float
    units: list[float]
    found: list[tuple[int, str, How] | None]
    name: Whole | None = None
    is_begun: bool = False


@dataclass(slots=True)
class Result:
    """What is shown as one: a page with its best passage, or a document alone. ``is_exact``: it is called just what was asked."""

    best: Judged
    score: float
    coverage: float
    is_exact: bool
    others: list[Judged] = field(default_factory=list)


class Scorer:
    """Scores documents for one question."""

    def __init__(
        self, question: Question, named: Mapping[int, Sequence[str]], begun: Mapping[int, float] | None = None
    ) -> None:
        """``named``: names of the question that documents have, by number. ``begun``: how much of a name is the question, 0 to 1."""
        self._question = question
        self._begun = begun or {}
        self._favoured = FAVOURED[question.intent] if question.intent is not None else None
        self._named = named
        self.named = [*named, *self._begun]
        """Numbers of documents that are called so, or whose name begins so."""
        self._wanted: dict[str, list[tuple[int, float, How]]] = {}
        for at, unit in enumerate(question.units):
            if not unit.weight:
                continue
            for form, (quality, how) in unit.forms.items():
                self._wanted.setdefault(form, []).append((at, quality, how))
        self._phrases = [
            (at, phrase, quality)
            for at, unit in enumerate(question.units)
            for phrase, quality in unit.phrases.items()
            if unit.weight
        ]
        self._wholes = question.wholes
        self._forms = frozenset(self._wanted)
        self._quick = tuple(self._wanted) if len(self._wanted) <= FEW_FORMS and not self._phrases else ()
        self._weights = [unit.weight for unit in question.units]
        self._strong = [at for at, unit in enumerate(question.units) if unit.weight and not unit.is_weak]

    def judge(self, row: Row) -> Judged:
        weights = self._weights
        count = len(weights)
        tf = [0.0] * count
        best = [0.0] * count
        found: list[tuple[int, str, How] | None] = [None] * count
        is_near = len(self._strong) > 1
        places: list[list[tuple[int, int]]] = [[] for _ in range(count)] if is_near else []
        title_share = whole_bonus = 0.0
        for at_field, line in enumerate(row.forms.split("\n")):
            if self._quick:
                for form in self._quick:  # most lines have none, and need not be split to see that
                    if form in line:
                        break
                else:
                    continue
            forms = line.split(" ")
            there = self._forms.intersection(forms)
            if not there and not self._phrases:
                continue
            share = LENGTH_SHARE[at_field]
            weight = FIELD_WEIGHTS[at_field] / (1.0 - share + share * len(forms) / USUAL_LENGTHS[at_field])
            # by where they stand first, so that equals are told alike at each asking
            for form in there if len(there) == 1 else sorted(there, key=forms.index):
                times = forms.count(form)
                positions = _positions(forms, form, times) if is_near else ()
                for at, quality, how in self._wanted[form]:
                    worth = weight * quality
                    tf[at] += worth * times
                    if worth > best[at]:
                        best[at] = worth
                        found[at] = (at_field, form, how)
                    if is_near:
                        places[at] += [(at_field, position) for position in positions]
                if form in self._wholes:
                    whole = self._wholes[form]
                    whole_weight = sum(weights[whole.start : whole.stop])
                    whole_bonus = max(whole_bonus, whole_weight * 0.2 * FIELD_WEIGHTS[at_field] / 3.0)
            if self._phrases:
                self._find_phrases(line, forms, at_field, weight, tf, found, best)
            if at_field == 0 and there:
                title_share = _title_share(forms, self._wanted)
        scores = [
            weight * got * (SATURATION + 1) / (got + SATURATION) if got else 0.0
            for weight, got in zip(weights, tf, strict=True)
        ]
        score = sum(scores) + whole_bonus
        if is_near:
            score += self._nearness(places)
        if title_share:
            score += TITLE_SHARE * title_share * sum(weights[at] for at in range(count) if tf[at])
        name = self._name_of(row.number) if row.number in self._named else None
        if name is not None:
            score += NAMED_SHARE * sum(weights[name.start : name.stop]) * (SATURATION + 1)
        elif row.number in self._begun:
            score += (
                (BEGUN_SHARE + (1 - BEGUN_SHARE) * self._begun[row.number]) * self._question.total * (SATURATION + 1)
            )
        if row.type == self._favoured:
            score *= FAVOUR
        return Judged(row, score, scores, found, name, row.number in self._begun)

    def _find_phrases(
        self, line: str, forms: Sequence[str], at_field: int, weight: float, tf: list[float],
        found: list[tuple[int, str, How] | None], best: list[float],
    ) -> None:  # fmt: skip
        for at, phrase, quality in self._phrases:
            first = phrase[0]
            if first not in line:
                continue
            size = len(phrase)
            for position in range(len(forms) - size + 1):
                if forms[position].startswith(first) and all(
                    forms[position + step].startswith(phrase[step]) for step in range(1, size)
                ):
                    worth = weight * quality
                    tf[at] += worth
                    if worth > best[at]:
                        best[at] = worth
                        found[at] = (at_field, " ".join(forms[position : position + size]), how_of(quality))

    def _nearness(self, places: Sequence[Sequence[tuple[int, int]]]) -> float:
        weights, bonus = self._weights, 0.0
        for one, other in pairwise(self._strong):
            if not places[one] or not places[other]:
                continue
            there = {(f, p + step) for f, p in places[one] for step in range(-NEAR, NEAR + 1) if step}
            if any(place in there for place in places[other]):
                bonus += NEAR_SHARE * min(weights[one], weights[other])
        return bonus

    def _name_of(self, number: int) -> Whole | None:
        """The most of the question that the document is called."""
        names = [self._question.names[name] for name in self._named.get(number, ())]
        units = self._question.units
        return max(names, key=lambda w: sum(units[at].weight for at in range(w.start, w.stop)), default=None)

    # ---- pages -------------------------------------------------------------------------------------------------------

    def gather(self, judged: Sequence[Judged]) -> list[Result]:
        """Best first; documents of one page are one result."""
        pages: dict[tuple[str, str], list[Judged]] = {}
        for one in judged:
            pages.setdefault((one.row.type, one.row.parent), []).append(one)
        results = [self._result(passages) for passages in pages.values()]
        results.sort(key=lambda one: (not one.is_exact, -one.score, one.best.row.number))
        return results

    def _result(self, passages: list[Judged]) -> Result:
        if len(passages) == 1:
            (best,) = passages
            coverage = 1.0 if best.is_begun else self._covered(best.units)
            score = best.score * coverage**COVERAGE_POWER * (1 + PRIOR_SHARE * best.row.prior)
            return Result(best, score, coverage, self._is_exact(best))
        passages.sort(key=lambda one: -one.score)
        best = passages[0]
        together = [max(values) for values in zip(*(one.units for one in passages), strict=True)]
        union = best.score - sum(best.units) + sum(together)
        coverage = 1.0 if any(one.is_begun for one in passages) else self._covered(together)
        own = 1.0 if best.is_begun else self._covered(best.units)
        score = (1 - PAGE_SHARE) * best.score * own**COVERAGE_POWER
        score += PAGE_SHARE * union * coverage**COVERAGE_POWER
        score *= 1 + PRIOR_SHARE * max(one.row.prior for one in passages)
        return Result(best, score, coverage, any(map(self._is_exact, passages)), passages[1:])

    def _covered(self, scores: Sequence[float]) -> float:
        """Which share of the question these words are, 0 to 1."""
        total = sum(weight for weight, got in zip(self._weights, scores, strict=True) if got)
        return total / (self._question.total or 1.0)

    def _is_exact(self, one: Judged) -> bool:
        strong = self._strong
        return one.name is not None and bool(strong) and one.name.start <= strong[0] and one.name.stop > strong[-1]


def _positions(forms: Sequence[str], form: str, times: int) -> list[int]:
    found, at = [], -1
    for _ in range(times):
        at = forms.index(form, at + 1)
        found.append(at)
    return found


def _title_share(forms: Sequence[str], wanted: Mapping[str, object]) -> float:
    said = [form for form in forms if form not in WEAK]
    return sum(form in wanted for form in said) / len(said) if said else 0.0
