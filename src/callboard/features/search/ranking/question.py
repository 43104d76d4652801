"""Reading a question: its words, what else each may stand for in this index, and how much each says."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Callable, Collection, Iterable, Iterator, Literal, Mapping, Sequence

from callboard.features.search.engines.base import Group
from callboard.features.search.store import vocabulary
from callboard.features.search.store.vocabulary import Word
from callboard.features.search.text.learning import MAX_LONG
from callboard.features.search.text.stemming import Stemmer
from callboard.features.search.text.synonyms import MAX_PHRASE, Synonyms, Vocabulary
from callboard.features.search.text.tokens import joins, words
from callboard.features.search.text.typos import SHORTEST, distance, far_keys, halves, keys, tolerance
from callboard.features.search.text.words import ASKING, OWNING, WEAK, Intent, intent_of
from callboard.kernel.db.interface import Transaction

How = Literal["exact", "word", "stem", "prefix", "typo", "synonym", "learnt", "meaning"]

MAX_WORDS = 40
"""Words of a question that are looked for; of a longer one the first so many that are not weak."""
STEM, PREFIX, SYNONYM, LEARNT, USUAL, TYPO, TYPOS, WHOLE = 0.9, 0.75, 0.6, 0.45, 0.2, 0.7, 0.5, 0.5
"""What a match counts that is not of the word itself: another form of it, a longer word, one that means it, one that documents say means
it, one that means it in most places, one or two errors away, a name that it is part of."""
WEAK_SHARE = 0.05
"""What is left of the weight of a word that only holds the question together."""
ASKING_SHARE = 0.3
"""Likewise of a word that says what sort of answer is wanted."""
MOST_USUAL, LEAST_USUAL, USUAL_SHARE = 400, 50, 0.2
"""What means a word in most places is looked for, where nothing has the word itself, in no more documents than this share of all, within these bounds."""
MAX_PREFIX = 24
MAX_TYPO = 6
MAX_NEAR = 400


Others = Callable[[str], Sequence[str]]
"""Other words for a word or phrase."""


def nothing_learnt(phrase: str) -> Sequence[str]:
    return ()


def how_of(quality: float) -> How:
    """Of words that stand for others: whether they were told or learnt."""
    return "learnt" if quality == LEARNT else "synonym"


@dataclass(slots=True)
class Unit:
    """A word of the question. ``forms``: (quality, how) of each form in the index that stands for it; ``phrases`` stand for it as terms.

    ``meant``: of the terms that begin other words for it, which words of the question they stand for. Of ``documents``, ``weaker_documents`` have only what nobody told to mean it: a word weighs what it weighs without them.
    """

    asked: str
    forms: dict[str, tuple[float, How]] = field(default_factory=dict)
    terms: dict[str, float] = field(default_factory=dict)
    phrases: dict[tuple[str, ...], float] = field(default_factory=dict)
    meant: dict[str, str] = field(default_factory=dict)
    documents: int = 0
    weaker_documents: int = 0
    weight: float = 0.0
    is_weak: bool = False
    is_known: bool = True


@dataclass(frozen=True, slots=True)
class Whole:
    """Words of the question, from ``start`` to before ``stop``, read as one name."""

    name: str
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Question:
    """``units`` are its words in order. ``wholes``: names that neighbours among them make, which the index knows.

    ``names`` are all names that it may hold, known or not, for looking up what is called exactly so. ``intent``: what sort of answer it wants.
    """

    units: Sequence[Unit]
    wholes: Mapping[str, Whole]
    names: Mapping[str, Whole]
    total: float
    prefix: str = ""
    intent: Intent = None

    @property
    def is_empty(self) -> bool:
        return not self.units

    def groups(self) -> tuple[Group, ...]:
        """What the engine looks for, rarest first. Weak words only where there are no others."""
        found = []
        strong = [unit for unit in self.units if not unit.is_weak]
        for unit in strong or self.units:
            terms = tuple(unit.terms) + tuple(" ".join(phrase) for phrase in unit.phrases)
            if terms:
                found.append(Group(terms, unit.documents, unit.weight))
        return tuple(sorted({group.terms: group for group in found}.values(), key=lambda one: one.documents))


class QuestionReader:
    """Reads questions against the words that are in the index."""

    def __init__(self, stemmer: Stemmer, synonyms: Synonyms, vocabulary: Vocabulary | None = None) -> None:
        """``vocabulary``: what means the same in most places, where that is looked for."""
        self._stemmer = stemmer
        self._synonyms = synonyms
        self._usual = vocabulary

    async def read(
        self,
        tx: Transaction,
        text: str,
        *,
        documents: int,
        as_typed: bool = False,
        learnt: Others = nothing_learnt,
        without: Collection[str] = (),
    ) -> Question:
        """``documents``: how many there are. ``as_typed``: the last word may be only begun. ``learnt``: what means a phrase for this reader.

        ``without``: terms that count as not there.
        """
        parts = words(text)
        if len(parts) > MAX_WORDS:  # of a long one what says something, once
            parts = list(dict.fromkeys(part for part in parts if part not in WEAK))[:MAX_WORDS]
        names = {name: Whole(name, start, stop) for start, stop, name in joins(parts, 6)}
        names |= {part: Whole(part, at, at + 1) for at, part in enumerate(parts) if part not in names}
        short = {name: Whole(name, start, stop) for start, stop, name in joins(parts, 4)}
        units = [Unit(part, is_weak=part in WEAK) for part in parts]
        lone = all(unit.is_weak or unit.asked in OWNING for unit in units)
        if lone:
            for unit in units:
                unit.is_weak = False
        else:
            for unit in units:
                unit.is_weak = unit.is_weak or unit.asked in OWNING
        variants = [self._variants(parts, at, learnt) for at in range(len(parts))]
        known = await self._look_up(tx, [*parts, *short], variants)
        for term in without:
            known.pop(term, None)
        most_usual = min(max(USUAL_SHARE * documents, LEAST_USUAL), MOST_USUAL)
        for unit, others in zip(units, variants, strict=True):
            self._fill(unit, known, others, most_usual)
        wholes: dict[str, Whole] = {}
        for name, whole in short.items():
            for word in known.get(self._stemmer.term(name), ()):
                if word.form == name or word.form.rstrip("s") == name.rstrip("s"):
                    wholes[word.form] = whole
                    for unit in units[whole.start : whole.stop]:
                        if not unit.is_weak:
                            unit.forms.setdefault(word.form, (WHOLE, "word"))
                            unit.terms.setdefault(word.term, WHOLE)
        is_lone = sum(not unit.is_weak for unit in units) == 1
        await self._mend(tx, units, without, is_begun=as_typed or is_lone)
        total = 0.0
        strong = [unit for unit in units if not unit.is_weak]
        for unit in units:
            documents_with = min(documents, unit.documents - unit.weaker_documents)
            idf = math.log(1 + (documents - documents_with + 0.5) / (documents_with + 0.5)) if unit.is_known else 0.0
            share = WEAK_SHARE if unit.is_weak else ASKING_SHARE if unit.asked in ASKING and len(strong) > 1 else 1.0
            unit.weight = idf * share
        seen: set[str] = set()
        for unit in units:
            if unit.asked in seen:  # said twice is not asked twice
                unit.weight = 0.0
            seen.add(unit.asked)
            total += unit.weight
        prefix = "".join(parts) if len(parts) <= 6 else ""
        return Question(units, wholes, names, total, prefix, intent_of(parts))

    def _variants(self, parts: Sequence[str], at: int, learnt: Others) -> dict[str, tuple[float, str]]:
        """Other words and phrases for the word at ``at``, alone or with those that stand around it, and what they count, and for what they stand."""
        found: dict[str, tuple[float, str]] = {}
        for start, stop in _around(at, len(parts), MAX_LONG):
            phrase = " ".join(parts[start:stop])
            if stop - start <= 3:
                for other in self._synonyms.of(phrase):
                    found[other] = SYNONYM, phrase
            for other in learnt(phrase):
                found.setdefault(other, (LEARNT, phrase))
        if self._usual is not None:
            for start, stop in _around(at, len(parts), MAX_PHRASE):
                pieces = parts[start:stop]
                if parts[at] not in WEAK:
                    for other in self._usual.of(" ".join(map(self._stemmer.term, pieces))):
                        found.setdefault(other, (USUAL, " ".join(pieces)))
        return found

    async def _look_up(
        self, tx: Transaction, forms: Sequence[str], variants: Iterable[Iterable[str]]
    ) -> dict[str, list[Word]]:
        wanted = {self._stemmer.term(form) for form in forms}
        wanted |= {self._stemmer.term(word) for others in variants for phrase in others for word in phrase.split()}
        return self._by_term(await vocabulary.by_terms(tx, sorted(wanted)))

    def _by_term(self, found: Iterable[Word]) -> dict[str, list[Word]]:
        known: dict[str, list[Word]] = {}
        for word in found:
            known.setdefault(word.term, []).append(word)
        return known

    def _fill(
        self,
        unit: Unit,
        known: Mapping[str, Sequence[Word]],
        variants: Mapping[str, tuple[float, str]],
        most_usual: float,
    ) -> None:
        term = self._stemmer.term(unit.asked)
        own = known.get(term, ())
        for word in own:
            unit.forms[word.form] = (1.0, "word") if word.form == unit.asked else (STEM, "stem")
        if own:
            unit.terms[term] = 1.0
            unit.documents = max(word.documents for word in own)
        own_documents = unit.documents
        for phrase, (quality, asked) in variants.items():
            # weak words are not kept in running text
            pieces = [self._stemmer.term(piece) for piece in phrase.split() if piece not in WEAK or phrase in WEAK]
            if not pieces or not all(piece in known for piece in pieces):
                continue
            more = min(max(word.documents for word in known[piece]) for piece in pieces)
            if quality == USUAL and (own_documents or unit.documents + more > most_usual):
                continue
            if len(pieces) > 1:
                unit.phrases.setdefault(tuple(pieces), quality)
            elif pieces[0] not in unit.terms:
                unit.terms[pieces[0]] = quality
                for word in known[pieces[0]]:
                    unit.forms.setdefault(word.form, (quality, how_of(quality)))
            else:
                continue
            unit.meant.setdefault(pieces[0], asked)
            unit.documents += more
            if own and quality < SYNONYM:
                unit.weaker_documents += more

    async def _mend(self, tx: Transaction, units: Sequence[Unit], without: Collection[str], *, is_begun: bool) -> None:
        """Words that are not in the index: begun, written together, or with an error in them."""
        for at, unit in enumerate(units):
            is_last = at == len(units) - 1
            is_missing = not unit.terms and not unit.phrases
            # a stem that is there may be another word's: "liting" has that of "lite"
            is_other = (
                bool(unit.forms)
                and not unit.phrases
                and all(how == "stem" and distance(unit.asked, form, 2) > 2 for form, (_, how) in unit.forms.items())
            )
            if not is_missing and not is_other and not (is_begun and is_last):
                continue
            if is_missing or is_other:
                await self._correct(tx, unit, without)
            if len(unit.asked) >= 2:
                for word in await vocabulary.by_prefix(tx, unit.asked, MAX_PREFIX):
                    if word.term not in without:
                        self._stand_in(unit, word, PREFIX, "prefix")
            if is_begun and is_last and not unit.terms and not unit.phrases:
                await self._correct_begun(tx, unit, without)
            unit.is_known = bool(unit.terms or unit.phrases)

    async def _correct(self, tx: Transaction, unit: Unit, without: Collection[str]) -> None:
        asked, most = unit.asked, tolerance(unit.asked)
        if len(asked) == SHORTEST - 1 and asked.isalpha():
            most = 1
        pairs = list(halves(asked)) if asked.isalpha() else []
        if pairs:
            terms = {self._stemmer.term(half) for pair in pairs for half in pair}
            known = self._by_term(await vocabulary.by_terms(tx, sorted(terms.difference(without))))
            both = [
                (min(max(w.documents for w in known[self._stemmer.term(half)]) for half in pair), pair)
                for pair in pairs
                if all(self._stemmer.term(half) in known for half in pair)
            ]
            if both:
                _, pair = max(both)
                unit.phrases[tuple(self._stemmer.term(half) for half in pair)] = TYPO
                unit.documents += both[0][0]
                return
        if not most:
            return
        stem = self._stemmer.term(asked)

        def errors_in(word: Word, most: int) -> int:
            return min(distance(asked, word.form, most), distance(stem, word.term, 1))

        def there(words: Iterable[Word]) -> list[Word]:
            return [word for word in words if word.term not in without]

        near = there(await vocabulary.by_keys(tx, sorted(keys(asked) | keys(stem))))
        if most > 1 and not any(errors_in(word, 1) <= 1 for word in near):
            near = there(await vocabulary.by_keys(tx, sorted(keys(asked) | far_keys(asked))))
            near += there(await vocabulary.by_prefix(tx, asked[: len(asked) // 2], MAX_NEAR))
        judged = [(errors_in(word, most), -word.documents, word) for word in near]
        good = sorted((one for one in judged if one[0] <= most), key=lambda one: (*one[:2], one[2].form))
        if good:
            least = good[0][0]
            for errors, _, word in [one for one in good if one[0] == least][:MAX_TYPO]:
                self._stand_in(unit, word, TYPO if errors == 1 else TYPOS, "typo")

    async def _correct_begun(self, tx: Transaction, unit: Unit, without: Collection[str]) -> None:
        """Words that begin as the unit but for one error behind its first letters: results do not go away while a slip is typed."""
        asked = unit.asked
        if len(asked) < SHORTEST or not asked.isalpha():
            return
        near = await vocabulary.by_prefix(tx, asked[: len(asked) // 2], MAX_NEAR)
        lengths = (len(asked) - 1, len(asked), len(asked) + 1)
        good = [word for word in near if any(distance(asked, word.form[:length], 1) <= 1 for length in lengths)]
        for word in [word for word in good if word.term not in without][:MAX_TYPO]:
            self._stand_in(unit, word, TYPOS, "typo")

    def _stand_in(self, unit: Unit, word: Word, quality: float, how: How) -> None:
        if word.form not in unit.forms:
            unit.forms[word.form] = (quality, how)
            if word.term not in unit.terms:
                unit.terms[word.term] = quality
                unit.documents += word.documents


def _around(at: int, count: int, most: int) -> Iterator[tuple[int, int]]:
    """Begins and ends of the runs of up to ``most`` of ``count`` words that hold the one at ``at``, the shortest first."""
    for size in range(1, min(most, count) + 1):
        for start in range(max(0, at - size + 1), min(at, count - size) + 1):
            yield start, start + size
