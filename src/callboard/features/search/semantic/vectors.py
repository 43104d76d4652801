"""``search_meaning``: a vector for each document, beside the index and made anew from it at any time.

Tables are made by ``prepare`` and only there, so a portal without the extra has none. On SQLite vectors are blobs and the extension sqlite-vec
measures; on PostgreSQL they are pgvector's. Both measure every vector that the actor may see and that the filters let through: the
nearest are the nearest of those, and nothing is filtered after the limit.
"""

from __future__ import annotations

import uuid
import weakref
from array import array
from typing import Any, Mapping, NamedTuple, Sequence

from callboard.features.search.interface import MeaningState, VisibleSet
from callboard.features.search.semantic.embedders import Vector
from callboard.features.search.store import documents
from callboard.features.search.store.visible import VisibleCondition
from callboard.kernel.clock import Clock, format_time
from callboard.kernel.db.interface import Transaction
from callboard.kernel.errors import CallboardError, UnavailableError

KEPT_S = 3600.0
"""How long the vector of a text that is gone is kept: it comes back where only a tag or a name has changed."""


class Waiting(NamedTuple):
    """A document without a vector."""

    number: int
    digest: str
    type: str
    payload: bytes


class Made(NamedTuple):
    """What is stored of a document; ``vector`` empty: its text was refused."""

    number: int
    digest: str
    hash: str
    marks: Sequence[str]
    vector: Vector


class Standing(NamedTuple):
    """What the vectors were made by; ``dimensions`` 0 while there is none."""

    made_by: str
    dimensions: int
    is_complete: bool
    trouble: str | None


class Vectors:
    """The tables, on either database."""

    def __init__(self, condition: VisibleCondition, clock: Clock, types: Sequence[str]) -> None:
        """``types``: of documents that have vectors; empty for all."""
        self._condition = condition
        self._clock = clock
        self._types = tuple(types)
        self._loaded: weakref.WeakSet[Any] = weakref.WeakSet()

    # ---- tables ------------------------------------------------------------------------------------------------------

    async def prepare(self, tx: Transaction, made_by: str) -> None:
        """Make what is missing; vectors that were made by something else are forgotten.

        Raises ``UnavailableError`` where the database cannot measure vectors, with what to do.
        """
        kind = "BLOB" if tx.dialect == "sqlite" else "vector"
        await self._extend(tx)
        await tx.execute(
            f"CREATE TABLE IF NOT EXISTS search_meaning (number BIGINT PRIMARY KEY, digest TEXT NOT NULL, hash TEXT NOT NULL,"
            f" marks TEXT NOT NULL, embedding {kind})"
        )
        await tx.execute("CREATE INDEX IF NOT EXISTS search_meaning_hash ON search_meaning (hash)")
        await tx.execute(
            f"CREATE TABLE IF NOT EXISTS search_meaning_kept (hash TEXT PRIMARY KEY, kept_at TEXT NOT NULL, embedding {kind})"
        )
        await tx.execute("CREATE TABLE IF NOT EXISTS search_meaning_state (key TEXT PRIMARY KEY, value TEXT NOT NULL)")
        if (await self.standing(tx)).made_by != made_by:
            await self.begin_anew(tx, made_by, 0)

    async def _extend(self, tx: Transaction) -> None:
        if tx.dialect == "sqlite":
            self._load(tx)
        elif not await tx.fetch_value("SELECT 1 FROM pg_extension WHERE extname = 'vector'"):
            try:
                await tx.execute("CREATE EXTENSION IF NOT EXISTS vector")
            except CallboardError as error:
                raise UnavailableError(
                    "search.semantic needs pgvector, and this PostgreSQL does not let the portal add it: have an administrator install"
                    f" it and run CREATE EXTENSION vector in this database, or switch search.semantic.embedder off. ({error})"
                ) from error

    def _load(self, tx: Any) -> None:
        """Give the connection its measure. Each has to be given it once."""
        connection = tx.connection
        if connection in self._loaded:
            return
        try:
            import sqlite_vec
        except ImportError:
            raise UnavailableError(
                "search.semantic needs sqlite-vec on SQLite: pip install callboard[semantic], or switch search.semantic.embedder off."
            ) from None
        try:
            connection.enable_load_extension(True)
            try:
                connection.load_extension(sqlite_vec.loadable_path())
            finally:
                connection.enable_load_extension(False)
        except Exception as error:
            raise UnavailableError(
                f"This SQLite cannot load sqlite-vec ({error}): reinstall callboard[semantic], or switch search.semantic.embedder off."
            ) from error
        self._loaded.add(connection)

    async def begin_anew(self, tx: Transaction, made_by: str, dimensions: int) -> None:
        """Forget all vectors: what follows is of this embedder and size."""
        await tx.execute("DELETE FROM search_meaning")
        await tx.execute("DELETE FROM search_meaning_kept")
        await tx.execute("DELETE FROM search_meaning_state")
        await self._put_state(tx, {"made by": made_by, "dimensions": str(dimensions)})

    # ---- state -------------------------------------------------------------------------------------------------------

    async def standing(self, tx: Transaction) -> Standing:
        found = {row[0]: row[1] for row in await tx.fetch_all("SELECT key, value FROM search_meaning_state")}
        return Standing(
            found.get("made by", ""), int(found.get("dimensions", 0)), found.get("complete") == "1",
            found.get("trouble") or None,
        )  # fmt: skip

    async def set_complete(self, tx: Transaction) -> None:
        """All documents had a vector: from now on they answer, also while new ones wait for theirs."""
        await self._put_state(tx, {"complete": "1"})
        await self.changed(tx)

    async def set_trouble(self, tx: Transaction, trouble: str | None) -> None:
        await self._put_state(tx, {"trouble": trouble or ""})

    async def _put_state(self, tx: Transaction, values: Mapping[str, str]) -> None:
        await tx.execute_many(
            "INSERT INTO search_meaning_state (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            [*values.items()],
        )

    async def changed(self, tx: Transaction) -> None:
        """Answers that were kept are of before."""
        await documents.put_revisions(tx, "", {"revision": uuid.uuid4().hex})

    async def state(self, tx: Transaction, embedder: str) -> MeaningState:
        standing = await self.standing(tx)
        condition, args = self._of_types("type", 1, tx)
        count = await tx.fetch_value(f"SELECT count(*) FROM search_document WHERE {condition}", *args)
        rows = await tx.fetch_all("SELECT embedding IS NULL, count(*) FROM search_meaning GROUP BY 1")
        counts = {bool(row[0]): int(row[1]) for row in rows}
        return MeaningState(
            embedder, int(count), counts.get(False, 0), counts.get(True, 0), standing.is_complete, standing.trouble
        )

    # ---- writing -----------------------------------------------------------------------------------------------------

    async def forget(self, tx: Transaction, numbers: Sequence[int] | None) -> None:
        """These documents are gone (None: all) or will come again; their vectors answer no more from now on."""
        for at in range(0, 1 if numbers is None else len(numbers), documents.AT_ONCE):
            args = [] if numbers is None else [tx.list_arg(numbers[at : at + documents.AT_ONCE])]
            gone = "true" if numbers is None else tx.any_of("number", 1, "bigint")
            now = f"CAST(${len(args) + 1} AS TEXT)"
            await tx.execute(
                f"INSERT INTO search_meaning_kept (hash, kept_at, embedding) SELECT hash, {now}, embedding"
                f" FROM search_meaning WHERE embedding IS NOT NULL AND {gone} ON CONFLICT (hash) DO NOTHING",
                *args,
                format_time(self._clock.now()),
            )
            await tx.execute(f"DELETE FROM search_meaning WHERE {gone}", *args)

    async def forget_strays(self, tx: Transaction) -> None:
        """Vectors of documents that went or changed while nobody looked (the extra was off), and those kept long enough."""
        await tx.execute(
            "DELETE FROM search_meaning WHERE NOT EXISTS (SELECT 1 FROM search_document AS d"
            " WHERE d.number = search_meaning.number AND d.digest = search_meaning.digest)"
        )

    async def forget_kept(self, tx: Transaction, before: str) -> None:
        """Vectors of texts that were gone before then."""
        await tx.execute("DELETE FROM search_meaning_kept WHERE kept_at < $1", before)

    async def list_waiting(self, tx: Transaction, after: int, limit: int) -> list[Waiting]:
        condition, args = self._of_types("d.type", 3, tx)
        rows = await tx.fetch_all(
            "SELECT d.number, d.digest, d.type, d.payload FROM search_document AS d"
            " LEFT JOIN search_meaning AS m ON m.number = d.number"
            f" WHERE d.number > $1 AND m.number IS NULL AND {condition} ORDER BY d.number LIMIT $2",
            after,
            limit,
            *args,
        )
        return [Waiting(row[0], row[1], row[2], bytes(row[3])) for row in rows]

    async def known(self, tx: Transaction, hashes: Sequence[str]) -> dict[str, Vector]:
        """Vectors of texts that are there already."""
        found: dict[str, Vector] = {}
        text = "embedding" if tx.dialect == "sqlite" else "embedding::text"
        for table in ("search_meaning_kept", "search_meaning"):
            rows = await tx.fetch_all(
                f"SELECT hash, {text} FROM {table} WHERE embedding IS NOT NULL AND {tx.any_of('hash', 1)}",
                tx.list_arg(hashes),
            )
            found |= {row[0]: _read(row[1]) for row in rows}
        return found

    async def put(self, tx: Transaction, made: Sequence[Made]) -> None:
        """Of documents that are still as they were; others come again."""
        is_sqlite = tx.dialect == "sqlite"
        value, write = ("$5", _blob) if is_sqlite else ("CAST(CAST($5 AS TEXT) AS vector)", _text)
        rows = [
            (one.number, one.digest, one.hash, _marks(one.marks), write(one.vector) if one.vector else None)
            for one in made
        ]
        await tx.execute_many(
            "INSERT INTO search_meaning (number, digest, hash, marks, embedding)"
            f" SELECT number, digest, CAST($3 AS TEXT), CAST($4 AS TEXT), {value} FROM search_document"
            " WHERE number = $1 AND digest = $2 ON CONFLICT (number) DO NOTHING",
            rows,
        )

    def _of_types(self, column: str, parameter: int, tx: Transaction) -> tuple[str, list[Any]]:
        return (tx.any_of(column, parameter), [tx.list_arg(self._types)]) if self._types else ("1 = 1", [])

    # ---- asking ------------------------------------------------------------------------------------------------------

    async def nearest(
        self, tx: Transaction, vector: Vector, marks: Sequence[Sequence[str]], visible: VisibleSet | None, limit: int
    ) -> list[tuple[int, float]]:
        """Numbers and cosine, nearest first, of documents that have one of each of these lists of marks and may be seen."""
        if tx.dialect == "sqlite":
            self._load(tx)
            near, inside, args = "1 - vec_distance_cosine(embedding, $1)", "instr", [_blob(vector), limit]
        else:
            near, inside, args = "1 - (embedding <=> $1::text::vector)", "strpos", [_text(vector), limit]
        conditions = ["embedding IS NOT NULL"]
        for among in marks:
            args += [f" {one} " for one in among]
            first = len(args) - len(among) + 1
            held = [f"{inside}(marks, ${number}) > 0" for number in range(first, len(args) + 1)]
            conditions.append(f"({' OR '.join(held)})" if held else "1 = 0")
        with self._condition.sql(tx, visible, len(args) + 1) as (condition, more):
            rows = await tx.fetch_all(
                f"SELECT number, {near} AS near FROM search_meaning WHERE {condition.format(number='number')}"
                f" AND {' AND '.join(conditions)} ORDER BY near DESC, number LIMIT $2",
                *args,
                *more,
            )
        return [(int(row[0]), float(row[1])) for row in rows]


def _marks(marks: Sequence[str]) -> str:
    """With spaces around each, so that one is not found inside another."""
    return f" {' '.join(marks)} "


def _blob(vector: Vector) -> bytes:
    return vector.tobytes()


def _text(vector: Vector) -> str:
    return f"[{','.join(format(number, '.7g') for number in vector)}]"


def _read(value: Any) -> Vector:
    if isinstance(value, (bytes, memoryview)):
        return array("f", bytes(value))
    return array("f", (float(number) for number in value[1:-1].split(",")))
