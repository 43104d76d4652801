"""Any endpoint that answers ``POST {baseUrl}/embeddings`` as OpenAI does: OpenAI, Azure behind a gateway, Ollama, vLLM, TEI, LiteLLM.

Source: OpenAI API reference, "Create embeddings": ``{model, input: [text], dimensions?}`` to ``{data: [{index, embedding}]}``.
"""

from __future__ import annotations

from typing import Any, Sequence

from callboard.features.search.semantic.embedders import TextRefused, Vector, vectors_of
from callboard.features.search.semantic.settings import EndpointSettings
from callboard.kernel.errors import UnavailableError
from callboard.kernel.http_client import HttpClient, HttpResponse

WAITS_S = (1.0, 4.0)
"""Between tries, while indexing. A question is asked once: its searcher would not wait."""
RESERVE = 0.1
"""Share of the host's limit that indexing leaves to questions."""
MAX_BYTES = 64 << 20
SAID = 200
"""Characters of an error that are told."""
_REFUSALS = frozenset({400, 413, 422})
_HINTS = {
    401: "Check search.semantic.endpoint.apiKey.",
    403: "Check search.semantic.endpoint.apiKey.",
    404: "Check search.semantic.endpoint.baseUrl and model.",
}


class EndpointRefused(UnavailableError):
    """The key, the address or the model is wrong: asking again at once would not help."""


class EndpointEmbedder:
    """Implements ``embedders.Embedder``. Its host is one that the settings name, so it may be inside the network."""

    def __init__(self, http: HttpClient, settings: EndpointSettings, question_prefix: str, passage_prefix: str) -> None:
        self._http = http
        self._settings = settings
        self._prefixes = passage_prefix, question_prefix
        self._url = f"{settings.base_url}/embeddings"
        self.batch = settings.batch
        self.name = (
            f"{settings.base_url} {settings.model} {settings.dimensions or ''} {question_prefix!r} {passage_prefix!r}"
        )
        self._budget = http.budgets.of(f"embeddings of {settings.base_url}")

    async def embed(self, texts: Sequence[str], *, is_question: bool = False) -> list[Vector]:
        prefix = self._prefixes[is_question]
        sent = [prefix + text for text in texts]
        found: list[Vector] = []
        for at in range(0, len(sent), self.batch):
            found += await self._some(sent[at : at + self.batch], is_question=is_question)
        return found

    async def _some(self, texts: list[str], *, is_question: bool) -> list[Vector]:
        waits = iter(() if is_question else WAITS_S)
        while True:
            try:
                return await self._once(texts, is_question=is_question)
            except EndpointRefused:
                raise
            except UnavailableError:
                wait = next(waits, None)
                if wait is None:
                    raise
                await self._budget.pause(wait)

    async def _once(self, texts: list[str], *, is_question: bool) -> list[Vector]:
        settings = self._settings
        asked: dict[str, Any] = {"model": settings.model, "input": texts}
        if settings.dimensions is not None:
            asked["dimensions"] = settings.dimensions
        headers = {"accept": "application/json"}
        if settings.api_key:
            headers["authorization"] = f"Bearer {settings.api_key}"
        await self._budget.admit(reserve_fraction=0.0 if is_question else RESERVE)
        answer = await self._http.post(
            self._url, json=asked, headers=headers, max_bytes=MAX_BYTES, timeout_s=settings.timeout_s
        )
        limited = self._budget.note(answer.status, answer.headers, answer.body)
        if limited is not None:
            raise limited
        if not answer.is_success:
            self._refuse(answer)
        return vectors_of(_ordered(answer.json(), len(texts)), len(texts), self._url)

    def _refuse(self, answer: HttpResponse) -> None:
        said = " ".join(answer.text.split())
        if self._settings.api_key:
            said = said.replace(self._settings.api_key, "***")
        message = f"{self._url} answered with status {answer.status}: {said[:SAID]}"
        if answer.status in _REFUSALS:
            raise TextRefused(message)
        kind = EndpointRefused if answer.status in _HINTS else UnavailableError
        raise kind(" ".join([message, _HINTS.get(answer.status, "")]).strip())

    async def close(self) -> None:
        await self._http.close()


def _ordered(answer: Any, count: int) -> Any:
    """The vectors in the order of the texts; None where the answer is something else."""
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, list) or not all(isinstance(one, dict) for one in data):
        return None
    by_index = {one.get("index", at): one.get("embedding") for at, one in enumerate(data)}
    return [by_index.get(at) for at in range(count)] if len(data) == count else None
