"""``/change`` and ``/changes``: choose what to change, look at it entity by entity, apply it, undo it. Plain forms throughout."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

import orjson
from starlette.datastructures import ImmutableMultiDict
from starlette.responses import RedirectResponse, Response

from callboard.features.catalog.interface import BY_TITLE, UPDATE_ENTITY, CatalogQueries, EntityQuery, Order
from callboard.features.catalog.interface.lists import EntityLists
from callboard.features.editing.bulk.interface import FIELDS, BulkChange, BulkChanges, BulkNotReady
from callboard.features.editing.pages.bulk import (
    CHANGE,
    CHANGES,
    NAMED,
    OUTCOMES,
    PAGE,
    RECORDS,
    bulk_page,
    change_href,
    choose_change_page,
    records_page,
)
from callboard.kernel.clock import Clock
from callboard.kernel.errors import InputError, LimitError
from callboard.kernel.web.request import Request
from callboard.kernel.web.routing import Route
from callboard.model.predicates import has_value
from callboard.model.refs import EntityRef
from callboard.ui.messages import Messages, Translator

MAX_FORM_BYTES = 1024 * 1024
SUGGESTED = 100
CHOSEN = "ref"


class BulkViews:
    """Dependencies arrive here and nowhere else."""

    def __init__(
        self, bulk: BulkChanges, queries: CatalogQueries, lists: EntityLists, *, clock: Clock, messages: Messages
    ) -> None:
        self._bulk = bulk
        self._queries = queries
        self._lists = lists
        self._clock = clock
        self._messages = messages

    def routes(self) -> list[Route]:
        post: dict[str, Any] = {"methods": ("POST",), "auth": "page", "max_body_bytes": MAX_FORM_BYTES}
        return [
            Route(CHANGE, self.choose, auth="page", name="editing-change"),
            Route(CHANGE, self.posted, name="editing-change-posted", **post),
            Route(CHANGES, self.list, auth="page", name="editing-changes"),
            Route(CHANGES + "/{id}", self.show, auth="page", name="editing-bulk"),
            Route(CHANGES + "/{id}", self.act, name="editing-bulk-act", **post),
        ]

    def _t(self, request: Request) -> Translator:
        return self._messages.translator(request.locale)

    # ---- what to change ------------------------------------------------------------------------------------------------

    async def choose(self, request: Request) -> Response:
        return await self._choose(request, request.query_params)

    async def posted(self, request: Request) -> Response:
        """Rows that were chosen in the list (``do=choose``), or what to change (``do=preview``)."""
        data = await request.form()
        said = ImmutableMultiDict([(name, value) for name, value in data.multi_items() if isinstance(value, str)])
        if said.get("do") != "preview":
            return await self._choose(request, said)
        form = {name: value for name, value in said.multi_items() if name != CHOSEN}
        refs = said.getlist(CHOSEN)
        predicate = None if refs else self._lists.parse(_filters(said)).predicate
        try:
            record = await self._bulk.plan(
                read_change(form),
                predicate=predicate,
                refs=refs or None,
                why=form.get("why", "").strip(),
                actor=request.actor,
            )
        except (InputError, LimitError) as error:
            return await self._choose(
                request, said, form=form, errors={error.field or "change": error.message}, status=400
            )
        return RedirectResponse(change_href(record.id), status_code=303)

    async def _choose(
        self, request: Request, said: Any, *, form: Mapping[str, str] | None = None, errors: Mapping[str, str] | None = None,
        status: int = 200,
    ) -> Response:  # fmt: skip
        request.portal.permissions.require(request.actor, UPDATE_ENTITY)
        refs = list(dict.fromkeys(said.getlist(CHOSEN)))
        listed = self._lists.parse(_filters(said))
        if refs:
            raws = await self._queries.get_many_raw(refs, actor=request.actor)
            count, params = sum(raw is not None for raw in raws), [(CHOSEN, ref) for ref in refs]
        else:
            count, params = await self._queries.count(listed.predicate, actor=request.actor), list(listed.params)
            params = [(f"list.{name}", value) for name, value in params]
        page = choose_change_page(
            self._t(request), count=count, words=() if refs else listed.words, params=params, back_href=listed.href,
            options=await self._options(request), tags=await self._tags(request), form=form, errors=errors,
        )  # fmt: skip
        return request.render("editing/change.html", page, status)

    async def _options(self, request: Request) -> dict[str, Sequence[tuple[str, str]]]:
        found: dict[str, Sequence[tuple[str, str]]] = {}
        for name, kinds in NAMED.items():
            query = EntityQuery(has_value("kind", kinds), Order(BY_TITLE), limit=SUGGESTED, want_total=False)
            page = await self._queries.list_raw(query, actor=request.actor)
            rows = []
            for raw in page.items:
                entity = orjson.loads(raw)
                ref = EntityRef.of(entity)
                rows.append((str(ref), str(entity["metadata"].get("title") or ref.name)))
            found[name] = rows
        facets = await self._queries.facets(["spec.lifecycle", "spec.type"], actor=request.actor)
        for name in ("lifecycle", "type"):
            values = sorted(facets.get(f"spec.{name}", ()), key=lambda value: -value.count)[:50]
            found[name] = [(value.value, "") for value in values]
        return found

    async def _tags(self, request: Request) -> Sequence[str]:
        values = (await self._queries.facets(["metadata.tags"], actor=request.actor)).get("metadata.tags", ())
        return [value.value for value in sorted(values, key=lambda value: -value.count)[:100]]

    # ---- one bulk change -----------------------------------------------------------------------------------------------

    async def show(self, request: Request) -> Response:
        id, said = request.path_params["id"], request.query_params
        outcome = said.get("outcome", "") if said.get("outcome") in OUTCOMES else ""
        start = int(said["start"]) if said.get("start", "").isdecimal() and len(said["start"]) < 7 else 0
        record = await self._bulk.get(id, actor=request.actor)
        items, total = await self._bulk.list_items(
            id, outcome=outcome or None, limit=PAGE, offset=start, actor=request.actor
        )
        refs = [item.ref for item in items]
        titles = {}
        for ref, raw in zip(
            refs, await self._queries.get_many_raw(refs, actor=request.actor) if refs else [], strict=True
        ):
            if raw is not None:
                titles[ref] = str(orjson.loads(raw)["metadata"].get("title") or "")
        page = bulk_page(
            record,
            items,
            self._t(request),
            now=self._clock.now(),
            total=total,
            outcome=outcome,
            start=start,
            titles=titles,
        )
        return request.render("editing/bulk.html", page)

    async def act(self, request: Request) -> Response:
        """``do=apply`` or ``do=undo``; where it is at another stage already the page says so."""
        form, id = await request.read_form(), request.path_params["id"]
        act = {"apply": self._bulk.apply, "undo": self._bulk.undo}.get(form.get("do", ""))
        if act is None:
            raise InputError("Say what to do: apply or undo.", field="do")
        try:
            await act(id, actor=request.actor)
        except BulkNotReady:
            pass
        return RedirectResponse(change_href(id), status_code=303)

    async def list(self, request: Request) -> Response:
        said = request.query_params.get("start", "")
        start = int(said) if said.isdecimal() and len(said) < 7 else 0
        records, total = await self._bulk.list_records(limit=RECORDS, offset=start, actor=request.actor)
        page = records_page(records, total, self._t(request), now=self._clock.now(), start=start)
        return request.render("editing/changes.html", page)


def _filters(said: Any) -> ImmutableMultiDict[str, str]:
    """The filters of the list: as its address has them, or as this form carries them along (``list.owner``)."""
    own = {"owner.how", "lifecycle.how", "system.how", "type.how", "do"}
    items = list(said.multi_items())
    if any(name.startswith("list.") or name in own for name, _ in items):
        items = [(name.removeprefix("list."), value) for name, value in items if name.startswith("list.")]
    return ImmutableMultiDict(items)


def read_change(form: Mapping[str, str]) -> BulkChange:
    """What the form says: of each field keep, set or clear."""
    values: dict[str, str | None] = {}
    for name in FIELDS:
        value, how = form.get(name, "").strip(), form.get(f"{name}.how", "keep")
        if how == "clear":
            values[name] = None
        elif how == "set" or (how == "keep" and value):  # a value alone says that it is meant
            values[name] = value
    return BulkChange(values, _tags(form.get("add_tags", "")), _tags(form.get("remove_tags", "")))


def _tags(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text.lower().replace(",", " ").split()))
