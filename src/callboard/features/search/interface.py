"""What other features and plugins use of search: how they have things found, and how they ask.

A *collator* knows the documents of one type. What it knows falls into *scopes*, each replaced as a whole: an entity, a page of a
documentation site. Search asks for the scopes that events name as changed, and now and then compares the revisions of all of them.

A document may belong to a *resource* (an entity): who may not see the resource finds nothing of the document, and no count tells
of it. The feature that knows the resources says by a ``Visibility`` which ones an actor sees; engines take it into their query.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, AsyncIterator, Iterator, Literal, Mapping, Protocol, Sequence, runtime_checkable

from callboard.kernel.auth.actor import Actor
from callboard.kernel.errors import InputError
from callboard.kernel.events import Event
from callboard.kernel.plugins.hooks import hookspec
from callboard.ui.messages import Translator

MAX_TERM_LENGTH = 100
"""Characters of a question on the wire (``search.maxTermLength``); the command line takes more."""
MAX_PAGE = 100
"""Results of one page (``search.maxPageLimit``)."""


class UnknownDocumentType(InputError):
    """Nobody collates documents of this type."""

    code = "search.unknown_type"


@dataclass(frozen=True, slots=True)
class SearchDocument:
    """One thing to be found, or one passage of it.

    ``id`` is unique in its type. ``title`` is what it is called, ``names`` what else it is called (identifiers, former titles, codes):
    both count most. ``headings`` stand over ``text``, ``keywords`` are words about it (tags, synonyms of its own); ``text`` is plain,
    without code of diagrams. Passages with one ``parent`` are told as one result, the best of them; ``anchor`` is where in the parent.
    ``fields`` are what one can filter and count by (``kind``, ``namespace``, ``owner``, ``lifecycle``, ``type``, ``tags`` …), ``wire`` is
    what the document says on Backstage's wire besides title, text and location.
    """

    id: str
    title: str
    location: str
    text: str = ""
    names: Sequence[str] = ()
    headings: Sequence[str] = ()
    keywords: Sequence[str] = ()
    resource: str | None = None
    parent: str | None = None
    anchor: str = ""
    fields: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    wire: Mapping[str, Any] = field(default_factory=dict)
    changed_at: datetime | None = None
    popularity: int = 0
    """How many others point to it. With ``changed_at`` it decides between what is else equal."""


class Collator(Protocol):
    """Knows the documents of one type."""

    type: str
    """As on the wire: ``software-catalog``, ``techdocs``."""
    title: str
    """Message key of what people call the type."""
    icon: str

    def scopes(self) -> AsyncIterator[Sequence[tuple[str, str]]]:
        """All (scope, revision) there are, in batches. A revision differs when the documents of the scope would."""

    async def documents(self, scopes: Sequence[str]) -> Mapping[str, Sequence[SearchDocument]]:
        """The documents of these scopes; one that is gone is left out."""

    topics: Sequence[str]
    """Patterns of the events after which documents may differ."""

    def changed(self, event: Event) -> Sequence[str] | None:
        """Scopes to ask for again after this event; None: any may have changed, compare all revisions."""


@runtime_checkable
class ReadsSources(Protocol):
    """A collator whose documents come from sources that jobs of a running portal read."""

    async def read_sources(self) -> Sequence[str]:
        """Read what is due of them, and wait for it: no portal runs that would. A sentence for each that cannot be read."""


@dataclass(frozen=True, slots=True)
class Extent:
    """``scopes``: how many a collator knows now. ``unread``: sources of which nothing is known yet, because they were not read."""

    scopes: int
    unread: int = 0


@runtime_checkable
class HasExtent(Protocol):
    """A collator that says how much it knows without listing it, so that pages can tell how far indexing is.

    It is also what is small enough to be indexed at once: of others very many changes wait for quiet.
    """

    async def extent(self) -> Extent:
        """Now; cheap, for it is asked while people search."""


class VisibleSet(Protocol):
    """Numbers of resources, as a compressed bitmap."""

    def __contains__(self, number: int, /) -> bool: ...

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[int]:
        """In ascending order."""

    def serialize(self) -> bytes:
        """As a portable roaring bitmap of 64 bits."""


class Visibility(Protocol):
    """Which resources an actor may find. One a portal, or none: then nothing belongs to a resource."""

    async def numbers(self, refs: Sequence[str]) -> Mapping[str, int]:
        """The number of each resource that is there. Numbers are never used again for another."""

    async def visible(self, actor: Actor) -> VisibleSet:
        """Those that are there now and that the actor may see: what has just been removed or hidden is not among them."""


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """``filters``: the values that a field may have, any of them, for each field. ``types`` empty: all.

    ``facets`` are fields whose values are counted among all that was found.
    """

    term: str
    types: Sequence[str] = ()
    filters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    facets: Sequence[str] = ()
    limit: int = 25
    offset: int = 0
    as_typed: bool = False
    """Somebody is still typing: the last word may be only begun."""
    by_meaning: bool = True
    """Whether what is near in meaning is looked for as well, where the portal can."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something was found: which part of it, by which of its words, for which word that was asked."""

    part: Literal["name", "title", "heading", "keyword", "text", "field"]
    how: Literal["exact", "word", "stem", "prefix", "typo", "synonym", "learnt", "meaning"]
    asked: str
    found: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A result. ``marked`` are title and text as pieces of (text, is it a match); the text is cut to where it matches best."""

    type: str
    document: SearchDocument
    score: float
    marked: Mapping[Literal["title", "text"], Sequence[tuple[str, bool]]]
    reasons: Sequence[Reason] = ()


@dataclass(frozen=True, slots=True)
class SearchResults:
    """``total`` counts what the actor may see; None where only that there is more is known. ``corrected``: what was looked for instead."""

    hits: Sequence[Hit]
    total: int | None
    has_more: bool
    facets: Mapping[str, Sequence[tuple[str, int]]] = field(default_factory=dict)
    corrected: str | None = None


@dataclass(frozen=True, slots=True)
class IndexPart:
    """One type of documents. ``indexed`` of ``known`` scopes (entities, pages) are in the index; ``unread`` sources were not read yet."""

    type: str
    title: str
    indexed: int
    known: int
    unread: int = 0


@dataclass(frozen=True, slots=True)
class IndexState:
    """``is_behind``: what is known is not all indexed yet, and that is being done. ``changed_at``: when something was indexed last."""

    parts: Sequence[IndexPart]
    is_behind: bool
    changed_at: datetime | None = None

    @property
    def missing(self) -> int:
        """Scopes that are known and not indexed."""
        return sum(max(0, part.known - part.indexed) for part in self.parts)


class Indexing(Protocol):
    """How far the index is."""

    async def state(self) -> IndexState:
        """For those who look after the portal: it counts what is hidden from others as well."""

    async def sentence(self, actor: Actor, t: Translator) -> str:
        """``told`` in words for a page; empty while results are complete."""

    async def told(self, actor: Actor) -> IndexState | None:
        """What ``actor`` may be told while results are not complete, else None. Without parts for who does not see everything."""


class SynonymCount(Protocol):
    """How many pairs of words mean the same, for a way to their page (``/search/synonyms``)."""

    async def count_synonyms(self, *, actor: Actor) -> int | None:
        """None for who may not see them."""


class EmbeddingModel(Protocol):
    """A model in this process, as ``search.semantic.embedder`` names one: a callable without arguments makes it, when it is first needed.

    Made and called in a thread, never twice at once.
    """

    name: str
    """Of model and version. Vectors of another name are not compared with its own: everything is embedded again."""

    def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """A vector for each text, all of one size."""


@dataclass(frozen=True, slots=True)
class MeaningState:
    """How finding by meaning does. ``embedded`` of ``documents`` have a vector, ``refused`` were not taken by the model.

    ``is_complete``: all had one once, so it answers; before, words alone do. ``trouble``: why the model does not answer now.
    """

    embedder: str
    documents: int
    embedded: int
    refused: int
    is_complete: bool
    trouble: str | None


class Meaning(Protocol):
    """Finding by meaning, as those who look after the portal see it."""

    async def state(self) -> MeaningState | None:
        """None where the extra is off."""


class Search(Protocol):
    """Asking. What is hidden from the actor is as if it were not there."""

    async def query(self, query: SearchQuery, *, actor: Actor) -> SearchResults:
        """Raises ``UnknownDocumentType``."""

    @property
    def collators(self) -> Sequence[Collator]: ...


class SearchHooks:
    """What plugins may add to search."""

    @hookspec
    def register_search_collators(self, portal: Any) -> Sequence[Collator]:
        """Types of documents to be found, each by one plugin."""

    @hookspec
    def register_search_visibility(self, portal: Any) -> Visibility | None:
        """Who may find what belongs to a resource."""
