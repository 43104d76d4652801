"""Settings of finding by meaning, read once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Sequence
from urllib.parse import urlsplit

from callboard.kernel.settings import Setting, Settings

SEMANTIC_SETTINGS: tuple[Setting, ...] = (
    Setting("search.semantic.embedder", "text", "off", None, "What turns texts into vectors: off, endpoint, wordllama, minilm, package.module:callable, or the name of an entry point in callboard.embedding_models."),
    Setting("search.semantic.types", "list", [], None, "Types of documents that are found by meaning; none named: all."),
    Setting("search.semantic.minSimilarity", "number", 0.35, None, "How near (cosine, 0 to 1) a document must be to a question to be found by its meaning."),
    Setting("search.semantic.weight", "number", 0.5, None, "What the order by meaning counts beside the order by words, which counts 1."),
    Setting("search.semantic.questionTimeout", "duration", "800ms", None, "How long a search waits for the vector of its question before it answers by words alone."),
    Setting("search.semantic.questionPrefix", "text", "", None, "Put before each question, for models that want it, such as search_query: ."),
    Setting("search.semantic.passagePrefix", "text", "", None, "Put before each text that is indexed, such as search_document: ."),
    Setting("search.semantic.endpoint.baseUrl", "text", None, None, "Address of an OpenAI-compatible API, such as https://api.openai.com/v1 or http://localhost:11434/v1; /embeddings is added."),
    Setting("search.semantic.endpoint.model", "text", None, None, "The model to ask it for."),
    Setting("search.semantic.endpoint.dimensions", "number", None, None, "Numbers of a vector, for models that can make shorter ones."),
    Setting("search.semantic.endpoint.apiKey", "secret", None, None, "Sent as a bearer token."),
    Setting("search.semantic.endpoint.batch", "number", 64, None, "Texts of one request."),
    Setting("search.semantic.endpoint.timeout", "duration", "30s", None, "How long indexing waits for an answer."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """``base_url`` has no slash at its end."""

    base_url: str
    model: str
    dimensions: int | None
    api_key: str | None
    batch: int
    timeout_s: float


@dataclass(frozen=True, slots=True)
class SemanticSettings:
    """``embedder`` is a name as in the settings; ``endpoint`` is there where it is ``endpoint``. ``types`` empty: all."""

    embedder: str
    types: Sequence[str]
    min_similarity: float
    weight: float
    question_timeout_s: float
    question_prefix: str
    passage_prefix: str
    endpoint: EndpointSettings | None

    @classmethod
    def of(cls, settings: Settings) -> SemanticSettings | None:
        """None where the extra is off. Raises ``SettingsError`` with the key at fault."""
        embedder = settings.get_str("search.semantic.embedder", "off").strip()
        if embedder in ("", "off", "none", "False"):
            return None
        timeout = settings.get_duration("search.semantic.questionTimeout", "800ms")
        if not timedelta(milliseconds=10) <= timeout <= timedelta(seconds=10):
            raise settings.error("search.semantic.questionTimeout", "must be 10 ms to 10 s.")
        return cls(
            embedder, [str(one) for one in settings.get_list("search.semantic.types", [])],
            _share(settings, "search.semantic.minSimilarity", 0.35), _share(settings, "search.semantic.weight", 0.5),
            timeout.total_seconds(), settings.get_str("search.semantic.questionPrefix", ""),
            settings.get_str("search.semantic.passagePrefix", ""),
            _endpoint(settings) if embedder == "endpoint" else None,
        )  # fmt: skip


def _endpoint(settings: Settings) -> EndpointSettings:
    at = "search.semantic.endpoint"
    base = settings.get_str(f"{at}.baseUrl", "")
    where = urlsplit(base)
    if where.scheme not in ("http", "https") or not where.hostname or where.username is not None:
        raise settings.error(
            f"{at}.baseUrl", "must be an address that begins with http:// or https://, without a user name."
        )
    model = settings.get_str(f"{at}.model", "")
    if not model:
        raise settings.error(f"{at}.model", "must name the model to ask for, such as text-embedding-3-small.")
    dimensions = settings.get_int(f"{at}.dimensions", None)
    if dimensions is not None and not 1 <= dimensions <= 16_000:
        raise settings.error(f"{at}.dimensions", "must be 1 to 16,000.")
    batch = settings.get_int(f"{at}.batch", 64)
    if not 1 <= batch <= 2_048:
        raise settings.error(f"{at}.batch", "must be 1 to 2,048.")
    timeout = settings.get_duration(f"{at}.timeout", "30s")
    if not timedelta(seconds=1) <= timeout <= timedelta(minutes=10):
        raise settings.error(f"{at}.timeout", "must be 1 s to 10 min.")
    return EndpointSettings(
        base.rstrip("/"), model, dimensions, settings.get_str(f"{at}.apiKey", None), batch, timeout.total_seconds()
    )


def _share(settings: Settings, key: str, default: float) -> float:
    value = settings.get(key, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise settings.error(key, "must be a number from 0 to 1.")
    return float(value)
