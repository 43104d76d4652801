"""Jinja for pages: escaping always, undefined names are errors, templates of each plugin under its own prefix.

``catalog/entity.html`` is ``templates/entity.html`` of the package whose last name is ``catalog``. Templates of the
packages given as ``roots`` have no prefix; an earlier root hides a later one's.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Iterable, Mapping, Sequence

from callboard.kernel.web.cookies import THEME_COOKIE

if TYPE_CHECKING:
    import jinja2

    from callboard.kernel.web.request import Request
    from callboard.kernel.web.shell import NavItem

Translator = Callable[..., str]
OWN_PACKAGE = "callboard.kernel.web"


def plain_translator(locale: str) -> Translator:
    """Without message catalogues an id stands for itself."""

    def t(id: str, **arguments: Any) -> str:
        return id

    return t


def theme_of(cookie: str | None) -> str | None:
    """light, dark, or None for what the system says."""
    return cookie if cookie in ("light", "dark") else None


@dataclass(frozen=True, slots=True)
class PageTools:
    """What the design system gives to every page; offered with ``portal.service(PageTools)``.

    Args:
        translator: ``t`` for a locale. ``locales`` are those it knows, English first.
        roots: packages whose ``templates/`` need no prefix (layouts, error and sign-in pages).
        static_folders: served under ``/static/``; an earlier one wins.
        globals, filters: added to the environment.
        context: further names for a page, by request.
        moment: a time (aware) seen from now (aware), as templates draw it.
    """

    translator: Callable[[str], Translator] = plain_translator
    locales: Sequence[str] = ("en",)
    roots: Sequence[str] = ()
    static_folders: Sequence[Path] = ()
    globals: Mapping[str, Any] = field(default_factory=dict)
    filters: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    context: Callable[["Request"], Mapping[str, Any]] | None = None
    moment: Callable[[datetime, datetime], Any] = lambda at, now: at.isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True)
class NavLink:
    """A place in the rail as drawn: ``title`` is translated, ``current`` marks where one is, ``keys`` lead there ("g c")."""

    id: str
    title: str
    path: str
    icon: str
    current: bool
    keys: str | None = None


class Templates:
    """The environment of one portal, made when the first page is asked for (Jinja takes 50 ms to import)."""

    def __init__(
        self,
        packages: Iterable[str] = (),
        *,
        tools: PageTools = PageTools(),
        static: Callable[[str], str] = lambda path: f"/static/{path}",
        url_for: Callable[..., str] | None = None,
        nav_items: Sequence["NavItem"] = (),
        settings_pages: Sequence["NavItem"] = (),
        site_name: str = "Callboard",
    ) -> None:
        self._packages = tuple(packages)
        self.tools = tools
        self._translators: dict[str, Translator] = {}
        self.locales = list(tools.locales)
        self._static = static
        self._url_for = url_for
        self._nav = sorted((i for i in nav_items if i.in_rail), key=lambda item: (item.rank, item.id))
        self._places = sorted((i for i in nav_items if not i.in_rail), key=lambda item: (item.rank, item.id))
        self._settings = sorted(settings_pages, key=lambda item: (item.rank, item.id))
        self._site_name = site_name
        self._environment: jinja2.Environment | None = None

    @property
    def environment(self) -> "jinja2.Environment":
        if self._environment is None:
            self._environment = self._make()
        return self._environment

    def translator(self, locale: str) -> Translator:
        if locale not in self._translators:
            self._translators[locale] = self.tools.translator(locale)
        return self._translators[locale]

    def render(self, template: str, request: "Request", page: Any, context: Mapping[str, Any]) -> str:
        """Raises ``jinja2.TemplateNotFound``, or ``UndefinedError`` for a name that the page does not have."""
        locale = request.locale
        names: dict[str, Any] = {
            "page": page,
            "request": request,
            "actor": request.actor,
            "locale": locale,
            "t": self.translator(locale),
            "nav_items": lambda: self.visible_nav(request),
            "more_places": lambda: self.visible_nav(request, self._places) + self._visible_under(request),
            "place": lambda name: self._find_place(request, name),
            "settings_pages": lambda: self.visible_nav(request, self._settings),
            "theme": theme_of(request.cookies.get(THEME_COOKIE)),
            "is_guest": lambda: request.portal.auth.is_guest(request.actor),
            "site_name": lambda: self._site_name,
            "nonce": lambda: request.nonce,
            "csrf_token": lambda: request.csrf_token,
        }
        names |= request.page_context
        if self.tools.context is not None:
            names |= self.tools.context(request)
        return self.environment.get_template(template).render({**names, **context})

    def visible_nav(self, request: "Request", items: Sequence["NavItem"] | None = None) -> list[NavLink]:
        """The places that the actor may see, in order; the longest path that leads here is current."""
        here, shown = request.url.path, self._allowed(request, self._nav if items is None else items)
        ids = {item.id for item in shown}
        leading = [i for i in shown if here == i.path or here.startswith(i.path.rstrip("/") + "/")]
        longest = max(leading, key=lambda item: len(item.path), default=None)
        current = (longest.under if longest.under in ids else longest.id) if longest is not None else None
        return self._links(request, [item for item in shown if item.under not in ids], current)

    def _visible_under(self, request: "Request") -> list[NavLink]:
        """Places that the pages of others lead to."""
        shown = self._allowed(request, self._nav)
        ids = {item.id for item in shown}
        return self._links(request, [item for item in shown if item.under in ids], None)

    def _find_place(self, request: "Request", name: str) -> NavLink | None:
        """The place of that name (its id), wherever it is shown; None where the actor may not see it, or its feature is off."""
        wanted = [item for item in (*self._nav, *self._places) if item.id == name]
        return next(iter(self._links(request, self._allowed(request, wanted), None)), None)

    def _allowed(self, request: "Request", items: Sequence["NavItem"]) -> list["NavItem"]:
        permissions = request.portal.permissions
        return [
            item
            for item in items
            if item.permission is None or permissions.decide(request.actor, item.permission).result != "DENY"
        ]

    def _links(self, request: "Request", shown: Sequence["NavItem"], current: str | None) -> list[NavLink]:
        t = self.translator(request.locale)
        takers: dict[str, str] = {}
        for item in shown:
            if item.key:
                takers.setdefault(item.key, item.id)
        return [
            NavLink(
                i.id, t(i.title), i.path, i.icon, i.id == current,
                f"g {i.key}" if i.key and takers[i.key] == i.id else None,
            )
            for i in shown
        ]  # fmt: skip

    def _make(self) -> "jinja2.Environment":
        import jinja2

        from callboard.kernel.web.compiled import CompiledTemplates

        prefixed = {p.rpartition(".")[2]: jinja2.FileSystemLoader(f) for p in self._packages if (f := _folder(p))}
        roots = [
            jinja2.FileSystemLoader(folder)
            for package in (*self.tools.roots, OWN_PACKAGE)
            if (folder := _folder(package))
        ]
        environment = jinja2.Environment(
            loader=jinja2.ChoiceLoader([jinja2.PrefixLoader(prefixed), *roots]),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            cache_size=-1,
            bytecode_cache=CompiledTemplates(frozenset(self.tools.filters.items())),
        )
        environment.globals.update(static=self._static, **self.tools.globals)
        if self._url_for is not None:
            environment.globals["url_for"] = self._url_for
        environment.filters.update(self.tools.filters)
        return environment


def _folder(package: str) -> Path | None:
    """The ``templates`` folder of a package, found without importing it; None when it has none."""
    spec = importlib.util.find_spec(package)
    for place in (spec.submodule_search_locations or ()) if spec is not None else ():
        folder = Path(place) / "templates"
        if folder.is_dir():
            return folder
    return None
