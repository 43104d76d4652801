"""What is shown of a result: the piece of text that matches best, what matches in it, and why the result is there."""

from __future__ import annotations

from typing import Sequence

from callboard.features.search.interface import Reason
from callboard.features.search.ranking.question import Question
from callboard.features.search.ranking.scoring import Judged
from callboard.features.search.store.records import FIELDS
from callboard.features.search.text.tokens import token_of, written

Pieces = Sequence[tuple[str, bool]]

_JOINING = {ord(char): None for char in "-._/:@+#&\\"}
"""What joins the parts of names in ``text.tokens``."""
EXCERPT = 280
"""Characters of text shown, more or less."""


class Marker:
    """Marks the words of one question."""

    def __init__(self, question: Question) -> None:
        self._weights: dict[str, float] = {}
        for unit in question.units:
            if unit.is_weak:
                continue
            for form, (quality, _) in unit.forms.items():
                self._weights[form] = max(unit.weight * quality, self._weights.get(form, 0.0))
            for phrase, quality in unit.phrases.items():
                for term in phrase:
                    self._weights.setdefault(term, unit.weight * quality / 2)
        for name, whole in question.wholes.items():
            self._weights[name] = sum(unit.weight for unit in question.units[whole.start : whole.stop])
        self._known: dict[str, str] = {}
        """What was asked in each written word that was looked at, "" where nothing was: words repeat from result to result."""

    def mark(self, text: str) -> Pieces:
        """All of ``text`` in pieces; what matches is marked. Without a match one piece."""
        return _pieces(text, self._spans(text), 0, len(text))

    def excerpt(self, text: str) -> Pieces:
        """Where ``text`` matches best; its beginning if nowhere."""
        spans = self._spans(text)
        if len(text) <= EXCERPT:
            return _pieces(text, spans, 0, len(text))
        start = 0
        if spans:
            most = -1.0
            for first, (begin, _, _) in enumerate(spans):
                seen: dict[str, float] = {}
                for _, end, form in spans[first:]:
                    if end > begin + EXCERPT - 40:
                        break
                    seen[form] = max(self._weights[form], seen.get(form, 0.0))
                worth = sum(seen.values())
                if worth > most:
                    most, start = worth, begin
            start = _begin(text, max(0, start - 40))
        stop = _end(text, min(len(text), start + EXCERPT))
        pieces = list(_pieces(text, spans, start, stop))
        if start:
            pieces.insert(0, ("… ", False))
        if stop < len(text):
            pieces.append((" …", False))
        return pieces

    def _spans(self, text: str) -> list[tuple[int, int, str]]:
        if not self._may_have(text):
            return []
        found, known = [], self._known
        for match in written(text):
            raw = match[0]
            best = known.get(raw)
            if best is None:
                best = known[raw] = self._asked_in(raw)
            if best:
                found.append((match.start(), match.end(), best))
        return found

    def _may_have(self, text: str) -> bool:
        """Quickly: whether anything that was asked may stand in it."""
        if not text.isascii() or "'" in text:
            return True
        joined = text.lower().translate(_JOINING)
        return any(form in joined for form in self._weights)

    def _asked_in(self, raw: str) -> str:
        best, weights = "", self._weights
        if raw.isascii() and raw.isalpha() and (raw.islower() or raw[1:].islower()):  # most are just a word
            plain = raw.lower()
            return plain if plain in weights else ""
        if not self._may_have(raw):
            return ""
        parts, wholes = token_of(raw)
        for form in (*wholes, *parts):
            if form in weights and (not best or weights[form] > weights[best]):
                best = form
        return best


def _pieces(text: str, spans: Sequence[tuple[int, int, str]], start: int, stop: int) -> Pieces:
    found: list[tuple[str, bool]] = []
    at = start
    for begin, end, _ in spans:
        if begin < at or end > stop:
            continue
        if begin > at:
            found.append((text[at:begin], False))
        found.append((text[begin:end], True))
        at = end
    if at < stop:
        found.append((text[at:stop], False))
    return found


def _begin(text: str, at: int) -> int:
    """The beginning of the sentence near before ``at``, or else of a word."""
    if at == 0:
        return 0
    for mark in ("\n", ". "):
        place = text.rfind(mark, max(0, at - 60), at)
        if place >= 0:
            return place + len(mark)
    place = text.find(" ", at)
    return place + 1 if 0 <= place < at + 40 else at


def _end(text: str, at: int) -> int:
    if at >= len(text):
        return len(text)
    place = text.rfind(" ", at - 40, at)
    return place if place > 0 else at


def reasons_of(question: Question, judged: Judged) -> list[Reason]:
    """Why it was found, what says most first: at most one reason for each word asked."""
    found = []
    if judged.name is not None:
        asked = " ".join(unit.asked for unit in question.units[judged.name.start : judged.name.stop])
        found.append((1e9, Reason("name", "exact", asked, judged.name.name)))
    inside = range(judged.name.start, judged.name.stop) if judged.name is not None else range(0)
    for at, (unit, match) in enumerate(zip(question.units, judged.found, strict=True)):
        if match is None or at in inside or unit.is_weak:
            continue
        part, form, how = match
        asked = unit.asked
        if how in ("synonym", "learnt"):
            asked = next((said for term, said in unit.meant.items() if form.startswith(term)), asked)
        found.append((judged.units[at], Reason(FIELDS[part], how, asked, form)))  # type: ignore[arg-type]
    return list(dict.fromkeys(reason for _, reason in sorted(found, key=lambda one: -one[0])))
