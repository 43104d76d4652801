"""Settings of search, read once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, Sequence

from callboard.features.search.interface import MAX_PAGE, MAX_TERM_LENGTH
from callboard.kernel.settings import Setting, Settings

SETTINGS: tuple[Setting, ...] = (
    Setting("search.maxTermLength", "number", MAX_TERM_LENGTH, None, "Characters of a question over REST."),
    Setting("search.maxPageLimit", "number", MAX_PAGE, None, "Results of one page over REST."),
    Setting("search.engine", "text", "database", None, "What finds: database (FTS5 on SQLite, text search on PostgreSQL) or opensearch."),
    Setting("search.language", "text", "english", None, "Whose word forms are one word (a Snowball stemmer); none keeps words as they are written."),
    Setting("search.synonyms", "list", [], None, "Lists of words and phrases that mean the same: [[k8s, kubernetes], [on-call, pager duty]]."),
    Setting("search.learnSynonyms", "flag", True, help="Whether names that are short for a title, and abbreviations spelt out in brackets, find what they stand for."),
    Setting("search.builtinSynonyms", "flag", True, help="Whether words that mean the same in most places (delete, remove) find each other; in English."),
    Setting("search.notSynonyms", "list", [], None, "Pairs that were learnt or are built in and do not hold: [[hr, human resources]]."),
    Setting("search.sweepEvery", "duration", "10m", None, "How often everything is compared with what was indexed, beside what events say."),
    Setting("search.opensearch.node", "text", None, None, "Address of OpenSearch, such as https://search.example.com:9200."),
    Setting("search.opensearch.indexPrefix", "text", "callboard", None, "Begins the name of the index."),
    Setting("search.opensearch.auth.username", "text", None, None, "Who signs in to OpenSearch."),
    Setting("search.opensearch.auth.password", "secret", None, None, "Their password."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class OpenSearchSettings:
    """Where it is."""

    node: str
    prefix: str
    username: str | None
    password: str | None


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """As read. ``opensearch`` is there where the engine is."""

    max_term_length: int
    max_page: int
    engine: Literal["database", "opensearch"]
    language: str
    synonyms: Sequence[Sequence[str]]
    learns: bool
    has_builtin: bool
    not_synonyms: Sequence[Sequence[str]]
    sweep_every: timedelta
    opensearch: OpenSearchSettings | None

    @classmethod
    def of(cls, settings: Settings) -> SearchSettings:
        """Raises ``SettingsError`` with the key at fault."""
        engine = settings.get("search.engine", "database")
        if engine not in ("database", "opensearch"):
            raise settings.error("search.engine", f"{engine!r} is no engine. Choose database or opensearch.")
        synonyms, excepted = _groups(settings, "search.synonyms"), _groups(settings, "search.notSynonyms")
        sweep = settings.get_duration("search.sweepEvery", "10m")
        if sweep < timedelta(seconds=10):
            raise settings.error("search.sweepEvery", "must be 10 seconds or more.")
        opensearch = None
        if engine == "opensearch":
            node = settings.get("search.opensearch.node", None)
            if not isinstance(node, str) or not node.startswith(("http://", "https://")):
                raise settings.error(
                    "search.opensearch.node", "must be an address that begins with http:// or https://."
                )
            opensearch = OpenSearchSettings(
                node.rstrip("/"), str(settings.get("search.opensearch.indexPrefix", "callboard")).lower(),
                settings.get("search.opensearch.auth.username", None),
                settings.get("search.opensearch.auth.password", None),
            )  # fmt: skip
        return cls(
            _positive(settings, "search.maxTermLength", MAX_TERM_LENGTH),
            _positive(settings, "search.maxPageLimit", MAX_PAGE),
            engine, str(settings.get("search.language", "english")).lower(), synonyms,
            settings.get_bool("search.learnSynonyms", True),
            settings.get_bool("search.builtinSynonyms", True), excepted, sweep, opensearch,
        )  # fmt: skip


def _groups(settings: Settings, key: str) -> Sequence[Sequence[str]]:
    groups = settings.get_list(key, [])
    for group in groups:
        if not isinstance(group, list) or len(group) < 2 or not all(isinstance(word, str) for word in group):
            raise settings.error(key, "must be a list of lists of two or more words or phrases.")
    return groups


def _positive(settings: Settings, key: str, default: int) -> int:
    value = settings.get(key, default)
    if type(value) is not int or value < 1:
        raise settings.error(key, "must be a whole number above 0.")
    return value
