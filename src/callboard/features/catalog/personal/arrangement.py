"""How somebody's home page lies: which cards, in which order, in which column. Kept as the user setting ``callboard/home``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Iterable, Literal, Mapping, Sequence

from callboard.features.catalog.personal.people import Keeping
from callboard.kernel.audit import Audit
from callboard.kernel.auth.actor import Actor
from callboard.kernel.db.interface import Database
from callboard.kernel.user_settings import BUCKET, UserSettings

KEY: Final = "home"
MAX_CARDS: Final = 60
ColumnName = Literal["top", "main", "side"]
Role = Literal["guest", "member", "admin"]
COLUMNS: Final[tuple[ColumnName, ...]] = ("top", "main", "side")

DEFAULTS: Final[Mapping[Role, Mapping[ColumnName, tuple[str, ...]]]] = {
    "guest": {"top": (), "main": ("changed",), "side": ("attention", "starred", "visited")},
    "member": {"top": (), "main": ("needs", "mine"), "side": ("starred", "visited", "around", "kinds", "changed")},
    "admin": {
        "top": (),
        "main": ("needs", "mine", "attention"),
        "side": ("starred", "visited", "kinds", "changed", "around"),
    },
}
"""The portal's own cards, by role. Cards of plugins come after those of their column, by their rank."""
HIDDEN: Final[Mapping[Role, frozenset[str]]] = {
    "guest": frozenset(), "member": frozenset(("attention",)), "admin": frozenset(),
}  # fmt: skip
"""Cards that are there to be chosen and not shown at first."""


@dataclass(frozen=True, slots=True)
class HomeOrder:
    """Card ids by column, in order; ``hidden`` ones have their place and are not shown."""

    columns: Mapping[ColumnName, tuple[str, ...]]
    hidden: frozenset[str]
    is_own: bool = False

    @property
    def shown(self) -> Mapping[ColumnName, tuple[str, ...]]:
        return {name: tuple(id for id in ids if id not in self.hidden) for name, ids in self.columns.items()}

    def moved(self, id: str, where: str) -> HomeOrder:
        """One step ``up`` or ``down``, or ``hide``, ``show``, ``main``, ``side``, ``top`` (to the end of that column)."""
        columns = {name: list(ids) for name, ids in self.columns.items()}
        home = next((name for name, ids in columns.items() if id in ids), None)
        if home is None:
            return self
        hidden = set(self.hidden)
        if where == "hide":
            hidden.add(id)
        elif where == "show":
            hidden.discard(id)
        elif where in ("up", "down"):
            ids = columns[home]
            at = ids.index(id)
            to = at - 1 if where == "up" else at + 1
            if 0 <= to < len(ids):
                ids[at], ids[to] = ids[to], ids[at]
        else:
            for name in COLUMNS:
                if name == where:
                    columns[home].remove(id)
                    columns[name].append(id)
        return HomeOrder({name: tuple(ids) for name, ids in columns.items()}, frozenset(hidden), True)


def arrange(stored: Any, role: Role, offered: Iterable[tuple[str, ColumnName]]) -> HomeOrder:
    """What is stored, made whole: cards that are gone are left out, cards that came since stand where they would by default.

    ``offered`` are the cards of plugins with their columns, in the order of their rank.
    """
    usual: dict[ColumnName, list[str]] = {name: list(DEFAULTS[role][name]) for name in COLUMNS}
    if role != "guest" and "attention" not in usual["main"]:
        usual["main"].append("attention")
    for id, column in offered:
        usual[column].append(id)
    known = {id for ids in usual.values() for id in ids}
    if not isinstance(stored, dict):
        return HomeOrder({name: tuple(ids) for name, ids in usual.items()}, HIDDEN[role] & known)
    columns: dict[ColumnName, list[str]] = {}
    placed: set[str] = set()
    for name in COLUMNS:
        given = stored.get(name)
        ids = [id for id in given if isinstance(id, str)] if isinstance(given, list) else []
        columns[name] = [id for id in dict.fromkeys(ids) if id in known and id not in placed]
        placed.update(columns[name])
    for name in COLUMNS:
        columns[name] += [id for id in usual[name] if id not in placed]
    hidden = stored.get("hidden")
    named = {id for id in hidden if isinstance(id, str)} if isinstance(hidden, list) else set()
    return HomeOrder({name: tuple(ids) for name, ids in columns.items()}, frozenset(named & known), True)


class Arrangements:
    """Where home pages are kept."""

    def __init__(self, db: Database, values: UserSettings, audit: Audit, keeping: Keeping) -> None:
        self._db = db
        self._values = values
        self._audit = audit
        self._keeping = keeping

    def is_kept_for(self, actor: Actor) -> bool:
        return self._keeping.is_kept_for(actor)

    async def find(self, actor: Actor) -> Any:
        """What is stored, for ``arrange``; None when nothing is."""
        return await self._values.find(actor.subject, BUCKET, KEY) if self._keeping.is_kept_for(actor) else None

    async def put(self, order: HomeOrder | None, *, actor: Actor) -> None:
        """Keep it; None goes back to what is usual. Raises ``NotAllowedError`` for guests."""
        self._keeping.require(actor)
        async with self._db.write() as tx:
            if order is None:
                await self._values.delete(tx, actor.subject, BUCKET, KEY)
            else:
                value: dict[str, Sequence[str]] = {name: list(ids)[:MAX_CARDS] for name, ids in order.columns.items()}
                await self._values.put(tx, actor.subject, BUCKET, KEY, {**value, "hidden": sorted(order.hidden)})
            meta = {"bucket": BUCKET, "key": KEY, "reset": order is None}
            await self._audit.record(tx, "user-setting-write", actor=actor, severity="low", meta=meta)
