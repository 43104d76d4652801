"""Fusing what words found with what is near in meaning: two orders made one.

Reciprocal rank fusion: a result counts 1 / (K + place) in each order, the order by meaning times a weight. Only places count, for scores of
words and cosines of different models are no common measure. K is small and words count more: their order knows names, and its first few
places say much. What is called just what was asked stays first whatever its neighbours in meaning.

Source: Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods", SIGIR 2009 (there with
K = 60 over systems that are equally good). Figures: docs/decisions/0014.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Mapping, Protocol, Sequence

from callboard.features.search.interface import Hit, Reason, SearchQuery, VisibleSet
from callboard.features.search.ranking.scoring import Result
from callboard.kernel.db.interface import Transaction

K = 5
EXACT = 1.0
"""What being called just so adds: more than any two places."""
Near = Mapping[int, float]
"""Numbers of documents, and how near each is to the question: cosine, 0 to 1."""


class Neighbours(Protocol):
    """What is near in meaning. Neither method raises when the model does not answer: then words alone do."""

    weight: float

    async def vector_of(self, query: SearchQuery) -> Any | None:
        """What stands for the question, None where meaning is not asked for or cannot be told now. Not inside a transaction."""

    async def nearest(
        self, tx: Transaction, vector: Any, marks: Sequence[Sequence[str]], visible: VisibleSet | None
    ) -> Near:
        """A bounded number of those that may be seen and have one of each list of marks."""


def fuse(by_words: Sequence[Result], everything: Sequence[Result], near: Near, weight: float) -> list[Result]:
    """``everything`` that was judged, of which ``by_words`` answer enough of the question, in the fused order.

    What is not among ``by_words`` is there if one of its passages is near, and is told by the nearest of them.
    """
    places = {id(one): place for place, one in enumerate(by_words, 1)}
    distances = [(nearness(one, near), one) for one in everything]
    neighbours = sorted(
        (one for one in distances if one[0] is not None), key=lambda one: (-(one[0] or 0.0), one[1].best.row.number)
    )
    scores = {id(one): 1 / (K + place) for place, one in enumerate(by_words, 1)}
    for place, (_, one) in enumerate(neighbours, 1):
        scores[id(one)] = scores.get(id(one), 0.0) + weight / (K + place)
    fused = []
    for one in everything:
        if id(one) not in scores:
            continue
        is_exact = one.is_exact and id(one) in places
        score = scores[id(one)] + (EXACT / places[id(one)] + EXACT if is_exact else 0.0)
        fused.append(replace(one if id(one) in places else _told_by_nearest(one, near), score=score))
    return sorted(fused, key=lambda one: (-one.score, one.best.row.number))


def nearness(result: Result, near: Near) -> float | None:
    """That of its nearest passage."""
    return max((near[one.row.number] for one in (result.best, *result.others) if one.row.number in near), default=None)


def _told_by_nearest(result: Result, near: Near) -> Result:
    passages = sorted((result.best, *result.others), key=lambda one: -near.get(one.row.number, -1.0))
    return replace(result, best=passages[0], others=passages[1:])


def with_meaning(hits: Sequence[Hit], shown: Sequence[Result], near: Near, asked: str) -> list[Hit]:
    """The hits of ``shown`` with the reason that they are near, where they are."""
    return [
        replace(hit, reasons=[*hit.reasons, Reason("text", "meaning", asked, "")])
        if nearness(one, near) is not None
        else hit
        for hit, one in zip(hits, shown, strict=True)
    ]
