"""The tab *On call*: one row a rota, who has it now and who is next. ``Markup.format`` escapes what comes from the catalog."""

from __future__ import annotations

from datetime import datetime
from typing import Sequence
from urllib.parse import quote

from markupsafe import Markup

from callboard_example.duty import person_ref
from callboard_example.rota import Rota, Turn, find_turn

_TABLE = Markup(
    '<table class="table"><thead><tr><th scope="col">Rota</th><th scope="col">On call</th><th scope="col">Until</th>'
    '<th scope="col">Then</th></tr></thead><tbody>{}</tbody></table>'
)
_ROW = Markup('<tr><td>{}</td><td>{}</td><td><time datetime="{}">{}</time></td><td>{}</td></tr>')
_NOT_YET = Markup('<tr><td>{}</td><td colspan="3">begins on {}</td></tr>')
_PERSON = Markup('<a href="{}">{}</a>')
_EMPTY = Markup("<p>No rota covers this yet. Add it to <code>covers</code> of one.</p>")


def render_duty(rotas: Sequence[Rota], at: datetime) -> Markup:
    """The table; a sentence where nobody has been put on call."""
    rows = [_row(rota, find_turn(rota, at)) for rota in rotas]
    return _TABLE.format(Markup().join(rows)) if rows else _EMPTY


def _row(rota: Rota, turn: Turn | None) -> Markup:
    if turn is None:
        return _NOT_YET.format(rota.title, rota.starts.isoformat())
    until = turn.ends_at
    following = find_turn(rota, until)
    shown = f"{until:%a %d %b, %H:%M} {until.tzname()}"
    return _ROW.format(
        rota.title, _person(turn.person), until.isoformat(), shown, _person(following.person) if following else ""
    )


def _person(person: str) -> Markup:
    ref = person_ref(person)
    path = "/".join(quote(part.lower(), safe="") for part in (ref.namespace, ref.kind, ref.name))
    return _PERSON.format(f"/catalog/{path}", ref.name)
