"""``/catalog/kinds``: every kind with its fields, and for administrators the form that declares kinds and further fields."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Mapping, Sequence

from starlette.responses import RedirectResponse, Response

from callboard.features.catalog.interface import CatalogQueries
from callboard.features.catalog.interface.modelling import (
    MANAGE_KINDS,
    EntitiesRefused,
    KindModels,
    KnownKind,
    Layer,
    ModelEffect,
    ModelMoved,
)
from callboard.features.catalog.kind_fields import (
    MAX_FIELDS,
    DeclaredField,
    DeclaredKind,
    KindRefused,
    from_item,
    key_of,
    to_item,
)
from callboard.features.catalog.pages.modelling import (
    EXPORT,
    KINDS,
    NEW,
    SPARE_ROWS,
    EffectView,
    effect_view,
    kind_href,
    kind_page,
    kinds_page,
)
from callboard.features.catalog.views.reading import look_up
from callboard.kernel.clock import Clock
from callboard.kernel.errors import InputError, NotFoundError
from callboard.kernel.web.request import Request
from callboard.kernel.web.routing import Route
from callboard.model.kinds import RELATION_PAIRS
from callboard.ui.messages import Messages, Translator
from callboard.ui.parts import Banner

MORE_ROWS = 4
MAX_FORM_BYTES = 512 * 1024
_STARTS_WITH = (
    DeclaredField("owner", "ref", is_required=True, kinds=("Group", "User"), relation="ownedBy", reverse="ownerOf"),
)
"""The fields of a new kind: nearly every one has an owner, and what has one shows on the pages of teams."""


class KindViews:
    """Pages and forms; every form posts and works without script."""

    def __init__(self, models: KindModels, queries: CatalogQueries, *, clock: Clock, messages: Messages) -> None:
        self._models = models
        self._queries = queries
        self._clock = clock
        self._messages = messages

    def routes(self) -> list[Route]:
        post: dict[str, Any] = {"methods": ("POST",), "auth": "page", "max_body_bytes": MAX_FORM_BYTES}
        return [
            Route(KINDS, self.list, auth="page", name="catalog-kinds"),
            Route(KINDS, self.restore, name="catalog-kinds-restore", **post),
            Route(EXPORT, self.export, auth="page", name="catalog-kinds-export"),
            Route(NEW, self.new, auth="page", name="catalog-kind-new"),
            Route(NEW, self.declare, name="catalog-kind-declare", **post),
            Route(KINDS + "/{kind}", self.show, auth="page", name="catalog-kind"),
            Route(KINDS + "/{kind}", self.change, name="catalog-kind-change", **post),
        ]

    def _t(self, request: Request) -> Translator:
        return self._messages.translator(request.locale)

    # ---- all of them ---------------------------------------------------------------------------------------------------

    async def list(self, request: Request) -> Response:
        return await self._list(request)

    async def _list(
        self, request: Request, *, banners: Sequence[Banner] = (), effect: EffectView | None = None, asks: int | None = None,
        status: int = 200,
    ) -> Response:  # fmt: skip
        t = self._t(request)
        known = await self._models.list_kinds(actor=request.actor)
        versions = await self._models.list_versions(actor=request.actor) if _may(request) else None
        if "saved" in request.query_params and request.method == "GET":
            banners = (Banner("ok", t("catalog.kinds.saved"), [t("catalog.kinds.saved_means")]),)
        page = kinds_page(known, versions, t, now=self._clock.now(), banners=banners, effect=effect, asks=asks)
        return request.render("catalog/kinds.html", page, status)

    async def restore(self, request: Request) -> Response:
        """Put the version ``number`` back."""
        form, t = await request.read_form(), self._t(request)
        number, base = _number(form, "number"), _number(form, "base")
        try:
            await self._models.restore(
                number, base=base, refuse_entities=form.get("refuse") == "1", actor=request.actor
            )
        except EntitiesRefused as error:
            told = Banner("warn", t("catalog.kinds.would_refuse", n=error.effect.refused_count))
            effect = await self._effect(request, error.effect)
            return await self._list(request, banners=[told], effect=effect, asks=number, status=409)
        except ModelMoved as error:
            return await self._list(request, banners=[Banner("warn", error.message)], status=409)
        return RedirectResponse(f"{KINDS}?saved=1", status_code=303)

    async def export(self, request: Request) -> Response:
        """What is declared here, as a file for ``catalog.model.files``."""
        import yaml12

        layer, version = await self._models.get_layer(actor=request.actor)
        head = f"# Kinds declared in the portal, version {version.number}. Name this file under catalog.model.files.\n"
        headers = {"content-disposition": 'attachment; filename="kinds.yaml"', "cache-control": "private, no-cache"}
        text = head + yaml12.format_yaml({"kinds": [*layer]}) + "\n"
        return Response(text, media_type="application/yaml; charset=utf-8", headers=headers)

    # ---- one of them ---------------------------------------------------------------------------------------------------

    async def new(self, request: Request) -> Response:
        request.portal.permissions.require(request.actor, MANAGE_KINDS)
        _, version = await self._models.get_layer(actor=request.actor)
        declared = DeclaredKind("", _STARTS_WITH)
        return await self._show(request, declared, None, base=version.number, is_own=True)

    async def declare(self, request: Request) -> Response:
        return await self._posted(request, None)

    async def show(self, request: Request) -> Response:
        known = await self._find(request)
        declared, is_own, base = DeclaredKind(known.definition.kind, is_extension=True), False, 0
        if _may(request):
            layer, version = await self._models.get_layer(actor=request.actor)
            declared, is_own, base = *_declared_in(layer, known), version.number
        banners: Sequence[Banner] = ()
        if "saved" in request.query_params:
            t = self._t(request)
            banners = (Banner("ok", t("catalog.kinds.saved"), [t("catalog.kinds.saved_means")]),)
        return await self._show(request, declared, known, base=base, is_own=is_own, banners=banners)

    async def change(self, request: Request) -> Response:
        return await self._posted(request, await self._find(request))

    async def _find(self, request: Request) -> KnownKind:
        wanted = request.path_params["kind"].lower()
        for known in await self._models.list_kinds(actor=request.actor):
            if known.definition.kind.lower() == wanted:
                return known
        raise NotFoundError(f"There is no kind {request.path_params['kind']} here.")

    async def _posted(self, request: Request, known: KnownKind | None) -> Response:
        request.portal.permissions.require(request.actor, MANAGE_KINDS)
        form, t = await request.read_form(), self._t(request)
        layer, _ = await self._models.get_layer(actor=request.actor)
        before, is_own = _declared_in(layer, known) if known is not None else (DeclaredKind("", ()), True)
        declared, base, do = (
            read_declared(form, before, is_new=known is None),
            _number(form, "base"),
            form.get("do", "save"),
        )
        if do == "more":
            return await self._show(request, declared, known, base=base, is_own=is_own, spare=MORE_ROWS)
        effect: EffectView | None = None
        banners: list[Banner] = []
        try:
            wanted = _layer_with(layer, declared, known, t, remove=do == "remove")
            if do == "preview":
                effect = await self._effect(request, await self._models.preview(wanted, actor=request.actor))
                return await self._show(request, declared, known, base=base, is_own=is_own, effect=effect)
            refuse = form.get("refuse") == "1"
            await self._models.save(wanted, base=base, refuse_entities=refuse, actor=request.actor)
        except EntitiesRefused as error:
            effect = await self._effect(request, error.effect)
            banners = [Banner("warn", t("catalog.kinds.would_refuse", n=error.effect.refused_count))]
            return await self._show(
                request, declared, known, base=base, is_own=is_own, effect=effect, banners=banners, status=409
            )
        except ModelMoved as error:
            banners = [Banner("warn", error.message)]
            return await self._show(request, declared, known, base=base, is_own=is_own, banners=banners, status=409)
        except InputError as error:
            errors = {_place(error.field): error.message}
            banners = [Banner("bad", error.message)]
            return await self._show(
                request, declared, known, base=base, is_own=is_own, errors=errors, banners=banners, status=400
            )
        gone = do == "remove" and is_own
        return RedirectResponse(f"{KINDS if gone else kind_href(declared.kind)}?saved=1", status_code=303)

    async def _effect(self, request: Request, effect: ModelEffect) -> EffectView:
        known = await look_up(self._queries, [one.ref for one in effect.refused], actor=request.actor)
        return effect_view(effect, known, self._t(request))

    async def _show(
        self, request: Request, declared: DeclaredKind, known: KnownKind | None, *, base: int, is_own: bool,
        spare: int = SPARE_ROWS, errors: Mapping[str, str] | None = None, banners: Sequence[Banner] = (),
        effect: EffectView | None = None, status: int = 200,
    ) -> Response:  # fmt: skip
        kinds = [one.definition.kind for one in await self._models.list_kinds(actor=request.actor)]
        page = kind_page(
            declared, self._t(request), known=known, base=base, may_manage=_may(request), is_own=is_own,
            kinds=list(dict.fromkeys(kinds)), spare=spare, errors=errors, banners=banners, effect=effect,
        )  # fmt: skip
        return request.render("catalog/kind.html", page, status)


def _may(request: Request) -> bool:
    return bool(request.portal.permissions.decide(request.actor, MANAGE_KINDS).result == "ALLOW")


def _number(form: Mapping[str, str], name: str) -> int:
    said = form.get(name, "")
    if not said.isdecimal() or len(said) > 9:
        raise InputError(f"{name} must be a whole number.", field=name)
    return int(said)


def _place(field: str | None) -> str:
    """``fields.3.name`` → ``fields.3``."""
    parts = (field or "").split(".")
    return ".".join(parts[:2]) if parts[0] == "fields" else parts[0]


def _declared_in(layer: Layer, known: KnownKind) -> tuple[DeclaredKind, bool]:
    """What the layer says of a kind, and whether it declares the kind itself; else its further fields, maybe none."""
    kind, group = known.definition.kind.lower(), known.definition.group
    for item in layer:
        if key_of(item) == (group, kind, False):
            return from_item(item), True
    for item in layer:
        if key_of(item) == ("", kind, True):
            return from_item(item), False
    return DeclaredKind(known.definition.kind, is_extension=True), False


def _layer_with(
    layer: Layer, declared: DeclaredKind, known: KnownKind | None, t: Translator, *, remove: bool
) -> list[Mapping[str, Any]]:
    """The layer with this kind in it, or without; an extension without fields is none."""
    if known is None and not declared.kind:
        raise KindRefused(t("catalog.kinds.name_it"), field="kind")
    item = to_item(declared)
    key = key_of(item)
    if known is None and any(key_of(one)[1:] == key[1:] for one in layer):
        raise KindRefused(t("catalog.kinds.taken", kind=declared.kind), field="kind")
    gone = remove or (declared.is_extension and not declared.fields)
    out: list[Mapping[str, Any]] = []
    is_placed = False
    for one in layer:
        if key_of(one) != key:
            out.append(one)
        elif not gone:
            out.append(item)
            is_placed = True
    return out if gone or is_placed else [*out, item]


def read_declared(form: Mapping[str, str], before: DeclaredKind, *, is_new: bool) -> DeclaredKind:
    """What the form says. Kind, group and versions stay as they are once the kind is there."""
    fixed = {one.name: one for one in before.fields if one.type == "other"}
    fields = []
    for n in range(MAX_FIELDS + MORE_ROWS + 1):
        name = form.get(f"f{n}.name", "").strip()
        if not name or form.get(f"f{n}.drop") == "1":
            continue
        fields.append(
            fixed[name] if form.get(f"f{n}.type") == "other" and name in fixed else _read_field(form, n, name)
        )
    declared = replace(before, fields=tuple(fields))
    if before.is_extension:
        return declared
    words: dict[str, Any] = {
        name: form.get(name, "").strip()[:500] for name in ("singular", "plural", "description", "icon")
    }
    if is_new:
        versions = tuple(form.get("version", "").replace(",", " ").split()) or ("v1",)
        declared = replace(
            declared,
            kind=form.get("kind", "").strip(),
            group=form.get("group", "").strip() or declared.group,
            versions=versions,
        )
    return replace(declared, **words)


def _read_field(form: Mapping[str, str], n: int, name: str) -> DeclaredField:
    def said(part: str) -> str:
        return form.get(f"f{n}.{part}", "").replace("\r\n", "\n").strip()

    type: Any = said("type") or "text"
    relation = said("relation") if type in ("ref", "refs") else ""
    return DeclaredField(
        name, type, said("title"), said("help"), said("required") == "1",
        tuple(dict.fromkeys(line.strip() for line in said("choices").split("\n") if line.strip())) if type == "choice" else (),
        tuple(dict.fromkeys(said("kinds").replace(",", " ").split())) if type in ("ref", "refs") else (),
        relation, (said("reverse") or RELATION_PAIRS.get(relation, "")) if relation else "",
    )  # fmt: skip
