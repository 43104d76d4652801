"""What turns texts into vectors: an endpoint, or a model in this process."""

from __future__ import annotations

import asyncio
import importlib
import math
from array import array
from importlib import metadata
from typing import Any, Callable, Protocol, Sequence

from callboard.features.search.interface import EmbeddingModel
from callboard.features.search.semantic.settings import SemanticSettings
from callboard.kernel.errors import CallboardError, InputError, UnavailableError
from callboard.kernel.http_client import HttpClient

ENTRY_POINTS = "callboard.embedding_models"
OWN = {
    "wordllama": "callboard.features.search.semantic.models.wordllama:WordLlamaModel",
    "minilm": "callboard.features.search.semantic.models.sentences:MiniLmModel",
}
LOCAL_BATCH = 32
"""Passages that a local model is given at once: between two such, others are served."""

Vector = array
"""``array("f")`` of length one in the sense of geometry; empty where a text has no direction."""


class TextRefused(InputError):
    """The embedder does not take one of these texts; asked one by one, the others may do."""

    code = "search.text_refused"


class Embedder(Protocol):
    """``name`` tells models and ways of asking apart: vectors of different names are not compared. ``batch``: texts at once."""

    name: str
    batch: int

    async def embed(self, texts: Sequence[str], *, is_question: bool = False) -> list[Vector]:
        """A vector each, all of one size. A question is asked for once; texts are tried again a few times.

        Raises ``TextRefused``, ``LimitError`` (with ``retry_after_s``) or ``UnavailableError``.
        """

    async def close(self) -> None: ...


class LocalEmbedder:
    """Implements ``Embedder`` with an ``interface.EmbeddingModel``, loaded and run in a thread, one call at a time."""

    batch = LOCAL_BATCH

    def __init__(self, name: str, make: Callable[[], EmbeddingModel], settings: SemanticSettings) -> None:
        self.name = f"{name} {settings.question_prefix!r} {settings.passage_prefix!r}"
        self._make = make
        self._model: EmbeddingModel | None = None
        self._prefixes = settings.passage_prefix, settings.question_prefix
        self._one = asyncio.Lock()

    async def embed(self, texts: Sequence[str], *, is_question: bool = False) -> list[Vector]:
        prefix = self._prefixes[is_question]
        # Shielded: whoever gives up waiting leaves the thread to finish, and the next one waits for it.
        working = asyncio.ensure_future(self._in_thread([prefix + text for text in texts]))
        working.add_done_callback(lambda task: None if task.cancelled() else task.exception())
        return await asyncio.shield(working)

    async def _in_thread(self, texts: list[str]) -> list[Vector]:
        async with self._one:
            return await asyncio.to_thread(self._embed, texts)

    def _embed(self, texts: list[str]) -> list[Vector]:
        try:
            if self._model is None:
                self._model = self._make()
            return vectors_of(self._model.embed(texts), len(texts), self.name)
        except CallboardError:
            raise
        except Exception as error:
            raise UnavailableError(f"The model {self.name} failed: {type(error).__name__}: {error}") from error

    async def close(self) -> None:
        return None


def vectors_of(found: Any, count: int, name: str) -> list[Vector]:
    """``found`` as that many vectors of length one. Raises ``UnavailableError`` when it is something else."""
    try:
        vectors = [_unit(array("f", one)) for one in found]
    except (TypeError, ValueError, OverflowError):
        raise UnavailableError(f"{name} answered with something that is no list of vectors.") from None
    if len(vectors) != count or len({len(one) for one in vectors if one}) > 1:
        raise UnavailableError(
            f"{name} answered {count} texts with {len(vectors)} vectors, or with some of other sizes."
        )
    return vectors


def _unit(vector: Vector) -> Vector:
    length = math.sqrt(math.fsum(number * number for number in vector))
    if not math.isfinite(length):
        raise ValueError("not finite")
    return array("f", (number / length for number in vector)) if length else array("f")


def embedder_of(settings: SemanticSettings, http: HttpClient) -> Embedder:
    """As the settings name it. A local model is looked up now and loaded when it is first used.

    Raises ``InputError`` for a name that nothing has.
    """
    if settings.endpoint is not None:
        from callboard.features.search.semantic.endpoint import EndpointEmbedder

        return EndpointEmbedder(http, settings.endpoint, settings.question_prefix, settings.passage_prefix)
    return LocalEmbedder(settings.embedder, _maker(settings.embedder), settings)


def _maker(name: str) -> Callable[[], EmbeddingModel]:
    path = OWN.get(name, name)
    if ":" not in path:
        found = list(metadata.entry_points(group=ENTRY_POINTS, name=path))
        if not found:
            raise InputError(
                f"search.semantic.embedder: nothing is called {name!r}. Choose endpoint, {', '.join(OWN)}, package.module:callable,"
                f" or install a package that offers it as an entry point in {ENTRY_POINTS}."
            )
        return lambda: found[0].load()()

    def make() -> EmbeddingModel:
        module, _, attribute = path.partition(":")
        try:
            made: EmbeddingModel = getattr(importlib.import_module(module), attribute)()
        except (ImportError, AttributeError) as error:
            raise UnavailableError(f"search.semantic.embedder: {path} cannot be loaded: {error}") from error
        return made

    return make
