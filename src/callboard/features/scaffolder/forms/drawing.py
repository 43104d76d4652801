"""A page of a form as it is drawn: what ``forms/parts.html`` takes. ``FormViews`` is for whoever shows a page of any schema."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Callable, Mapping, Sequence

from markupsafe import Markup

from callboard.features.scaffolder.forms.checking import Fault, anchor_of
from callboard.features.scaffolder.forms.entities import FEW, OFFERED, Entities, Offer, allows_any
from callboard.features.scaffolder.forms.hosts import SourceHosts, allowed
from callboard.features.scaffolder.forms.model import Field, FormPage, build_page
from callboard.features.scaffolder.forms.parsing import Answers, token_key
from callboard.features.scaffolder.forms.paths import MISSING
from callboard.features.scaffolder.forms.repositories import OPTIONAL, kind_of, parse_repository
from callboard.features.scaffolder.forms.schemas import same, type_of
from callboard.features.scaffolder.forms.variants import text_of
from callboard.features.scaffolder.forms.writing import format_data, format_number, written
from callboard.kernel.auth.actor import Actor
from callboard.ui.markdown import render_markdown
from callboard.ui.messages import Translator

MAX_ROWS = 40


@dataclass(frozen=True, slots=True)
class ChoiceView:
    """A box, a radio button or an option. ``id`` is its own."""

    id: str
    text: str
    title: str
    is_chosen: bool
    is_disabled: bool = False


@dataclass(frozen=True, slots=True)
class PartView:
    """A part of the address of a repository. ``choices`` are all that may be said; ``offers`` are suggestions."""

    id: str
    part: str
    label: str
    text: str
    help: str = ""
    is_required: bool = True
    choices: Sequence[str] = ()
    drives: bool = False
    suggests: bool = False


@dataclass(frozen=True, slots=True)
class PairView:
    """A key and its value, of a mapping whose keys people choose."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class FieldView:
    """A field as drawn. ``shape`` names its macro; ``limits`` are attributes of the control; ``is_kept`` tells of a secret typed before."""

    name: str
    anchor: str
    shape: str
    title: str
    text: str
    is_required: bool
    is_locked: bool
    description: Markup
    help: Markup
    error: str
    input: str = "text"
    rows: int = 4
    placeholder: str = ""
    autocomplete: str = "off"
    is_focused: bool = False
    is_inline: bool = False
    is_checked: bool = False
    is_kept: bool = False
    is_root: bool = False
    limits: Sequence[tuple[str, str]] = ()
    choices: Sequence[ChoiceView] = ()
    has_empty: bool = True
    offers: Sequence[Offer] = ()
    is_cut: bool = False
    parts: Sequence[PartView] = ()
    pairs: Sequence[PairView] = ()
    is_asking_token: bool = False
    fields: Sequence[FieldView] = ()
    variants: Sequence[ChoiceView] = ()
    drives: bool = False
    can_add: bool = False
    can_remove: bool = False
    can_order: bool = False
    index: int | None = None
    is_multiple: bool = False

    @property
    def described_by(self) -> str:
        """Ids of what is said about the field."""
        said = [f"{self.name}:error"] * bool(self.error) + [f"{self.name}:about"] * bool(self.description)
        return " ".join(said + [f"{self.name}:help"] * bool(self.help))


@dataclass(frozen=True, slots=True)
class PageView:
    """A page of a form, for ``forms.fields(view)`` of ``forms/parts.html``. ``action`` is where its parts post to, empty for a preview."""

    title: str
    description: Markup
    root: FieldView
    action: str = ""

    @property
    def has_files(self) -> bool:
        """Whether a file may be given: the form is then sent in parts."""
        return _has_files(self.root)

    @property
    def is_empty(self) -> bool:
        return not self.root.fields and not self.root.variants


class FormViews:
    """Draws pages of forms: of templates, of the template editor's preview, of anything with a schema."""

    def __init__(self, entities: Entities, hosts: SourceHosts) -> None:
        self.entities = entities
        self.hosts = hosts

    async def preview(
        self, step: Mapping[str, Any], values: Mapping[str, Any], t: Translator, *, actor: Actor,
        has_flag: Callable[[str], bool] = lambda name: False,
    ) -> PageView:  # fmt: skip
        """One page ``{title, description?, schema}`` with ``values`` in it, which posts nowhere."""
        answers = Answers(dict(values))
        page = build_page(step, values, answers.known, has_flag=has_flag)
        return await self.view(page, answers, t, actor=actor)

    async def view(
        self, page: FormPage, answers: Answers, t: Translator, *, actor: Actor, faults: Sequence[Fault] = (), focus: str = "",
        action: str = "", found: Mapping[str, Sequence[Offer]] | None = None,
    ) -> PageView:  # fmt: skip
        """``found`` are suggestions by field, where somebody searched; ``focus`` is the name of the field to begin at."""
        errors: dict[str, str] = {}
        for fault in faults:
            errors.setdefault(fault.name, fault.message)
        drawing = _Drawing(self, answers, t, actor, errors, found or {})
        root = await drawing.draw(page.root, None)
        focus = focus or next((f.name for f in page.walk() if f.option("autofocus") is True), "")
        if focus:
            root = _focused(root, focus)
        return PageView(page.title, _markdown(page.description), replace(root, is_root=True), action)


class _Drawing:
    def __init__(
        self, views: FormViews, answers: Answers, t: Translator, actor: Actor, errors: Mapping[str, str],
        found: Mapping[str, Sequence[Offer]],
    ) -> None:  # fmt: skip
        self._views = views
        self._answers = answers
        self._t = t
        self._actor = actor
        self._errors = errors
        self._found = found

    async def draw(self, field: Field, index: int | None) -> FieldView:
        more: dict[str, Any] = {}
        shape: str = field.kind
        match field.kind:
            case "object" | "list":
                more = await self._group(field)
            case "choice":
                more, shape = self._choice(field), field.style
            case "choices":
                held = field.value if isinstance(field.value, list) else []
                more = {"choices": [
                    ChoiceView(f"{field.name}:{n}", one.text, one.title, any(same(one.value, v) for v in held), one.is_disabled)
                    for n, one in enumerate(field.choices)
                ]}  # fmt: skip
            case "flag":
                more = {"is_checked": field.value is True}
            case "entity":
                more, shape = await self._entity(field)
            case "entities" | "tags":
                more = await self._many(field)
            case "repository":
                more = self._repository(field)
            case "map":
                more = self._map(field)
            case "secret" | "password":
                held_key = str(field.path[-1]) if field.kind == "secret" else field.name
                more = {
                    "is_kept": held_key
                    in (self._answers.secrets if field.kind == "secret" else self._answers.passwords)
                }
                more |= {"text": "", "autocomplete": "new-password"}
                shape = "secret"
            case "file":
                more = self._file(field)
            case "branch" | "repository-owner" | "name":
                shape = "text"
                more = {"offers": self._found.get(field.name, ()), "is_cut": field.kind != "name"}
        return self._view(field, shape, index, more)

    def _view(self, field: Field, shape: str, index: int | None, more: Mapping[str, Any]) -> FieldView:
        title = field.title or (self._t("scaffolder.form.item", n=index + 1) if index is not None else "")
        text = "" if field.kind in ("object", "list") else written(field)
        base = FieldView(
            field.name, anchor_of(field), shape, title, text, field.is_required, field.is_locked, _markdown(field.description),
            _markdown(field.help), self._errors.get(field.name, ""), input=field.input, rows=self._rows(field),
            placeholder=str(field.option("placeholder") or ""), autocomplete=str(field.option("autocomplete") or "off"),
            is_inline=field.option("inline") is True, limits=_limits(field), drives=field.drives, can_add=field.can_add,
            can_remove=field.can_remove, can_order=field.can_order, index=index,
        )  # fmt: skip
        t = self._t
        if field.variant is not None:
            variants = [
                ChoiceView(f"{field.name}:variant{n}", str(n), name or t("scaffolder.form.variant", n=n + 1), n == field.variant.chosen)
                for n, name in enumerate(field.variant.titles)
            ]  # fmt: skip
            base = replace(base, variants=variants)
        return replace(base, **more)

    @staticmethod
    def _rows(field: Field) -> int:
        said = field.option("rows")
        if isinstance(said, int) and not isinstance(said, bool):
            return max(1, min(said, MAX_ROWS))
        if field.kind == "data":
            return max(4, min(format_data(field.value).count("\n") + 2, 20))
        return 5

    async def _group(self, field: Field) -> dict[str, Any]:
        is_list = field.kind == "list"
        return {"fields": [await self.draw(one, n if is_list else None) for n, one in enumerate(field.fields)]}

    def _choice(self, field: Field) -> dict[str, Any]:
        yes_no = {True: self._t("scaffolder.form.yes"), False: self._t("scaffolder.form.no")}
        choices = []
        for n, one in enumerate(field.choices):
            title = one.title or (yes_no[one.value] if isinstance(one.value, bool) else one.text)
            if isinstance(one.value, bool) and title in ("true", "false"):
                title = yes_no[one.value]
            is_chosen = field.value is not MISSING and same(one.value, field.value)
            choices.append(ChoiceView(f"{field.name}:{n}", one.text, title, is_chosen, one.is_disabled))
        has_empty = not field.is_required or not any(one.is_chosen for one in choices)
        return {"choices": choices, "has_empty": has_empty}

    # ---- pickers -------------------------------------------------------------------------------------------------------

    async def _entity(self, field: Field) -> tuple[dict[str, Any], str]:
        """A list to choose from where it is short and complete, else a text with suggestions."""
        found = self._found.get(field.name)
        offers = found if found is not None else await self._views.entities.offers(field, "", actor=self._actor)
        text = written(field)
        if found is None and not allows_any(field) and len(offers) <= FEW:
            chosen = [ChoiceView("", one.value, one.title, one.value == text.lower()) for one in offers]
            only = field.is_required and len(offers) == 1 and not text
            if not text or any(one.is_chosen for one in chosen):
                return {"choices": _told_apart(chosen), "has_empty": not only}, "select"
        return {"offers": offers, "is_cut": len(offers) >= OFFERED}, "entity"

    async def _many(self, field: Field) -> dict[str, Any]:
        held = [str(one) for one in field.value if one is not None] if isinstance(field.value, list) else []
        offers = self._found.get(field.name)
        if field.kind == "tags":
            offers = offers if offers is not None else await self._views.entities.tags(field, "", actor=self._actor)
            titles: Mapping[str, str] = {}
        else:
            offers = offers if offers is not None else await self._views.entities.offers(field, "", actor=self._actor)
            titles = await self._views.entities.titles(held, actor=self._actor) if held else {}
        chosen = [ChoiceView(f"{field.name}:{n}", one, titles.get(one, one), True) for n, one in enumerate(held)]
        return {
            "choices": chosen, "offers": [one for one in offers if one.value not in held], "is_cut": len(offers) >= OFFERED,
            "text": "",
        }  # fmt: skip

    def _repository(self, field: Field) -> dict[str, Any]:
        parts = parse_repository(field.value, self._views.hosts.kinds)
        names = self._views.hosts.names(field)
        host = parts.get("host") or self._answers.known.hosts.get(field.name) or names[0]
        shown = list(dict.fromkeys([*names, host]))
        t = self._t
        views = [
            PartView(
                f"{field.name}:host",
                "host",
                t("scaffolder.form.repository.host"),
                host,
                choices=shown,
                drives=len(shown) > 1,
            )
        ]
        kind = kind_of(host, self._views.hosts.kinds)
        for part in self._views.hosts.parts(host):
            word = {"owner": "owner", "repo": "repo"}.get(part)
            label = str(field.option(f"{word}Label") or "") if word else ""
            help = str(field.option(f"{word}Description") or "") if word else ""
            known = allowed(field, part)
            suggests = not known and field.option("disableRepoAutocomplete") is not True
            text = parts.get(part) or (known[0] if len(known) == 1 else "")
            views.append(
                PartView(
                    f"{field.name}:{part}",
                    part,
                    label or t(f"scaffolder.form.repository.{part}"),
                    text,
                    help,
                    (kind, part) not in OPTIONAL,
                    known,
                    suggests=suggests,
                )
            )
        key = token_key(field)
        return {"parts": views, "is_asking_token": bool(key), "is_kept": key in self._answers.secrets if key else False}

    def _map(self, field: Field) -> dict[str, Any]:
        held = field.value if isinstance(field.value, Mapping) else {}
        pairs = [PairView(str(key), text_of(value)) for key, value in held.items()]
        if field.option("addable") is not False:
            pairs.append(PairView("", ""))
        return {"pairs": pairs}

    def _file(self, field: Field) -> dict[str, Any]:
        is_multiple = type_of(field.schema) == "array"
        held = field.value if isinstance(field.value, list) else [field.value] if isinstance(field.value, str) else []
        kept = [
            ChoiceView(f"{field.name}:drop{n}", str(n), file_name(str(one)), False) for n, one in enumerate(held) if one
        ]
        accept = field.option("accept")
        limits = [("accept", str(accept))] if isinstance(accept, str) else []
        return {"choices": kept, "is_multiple": is_multiple, "text": "", "limits": limits}


def file_name(data_url: str) -> str:
    """The name that a data URL carries."""
    from urllib.parse import unquote

    head = data_url[:2000].partition(",")[0]
    name = next((part[5:] for part in head.split(";") if part.startswith("name=")), "")
    return unquote(name) or head.partition(";")[0].removeprefix("data:") or "…"


def _told_apart(choices: Sequence[ChoiceView]) -> list[ChoiceView]:
    """Titles that occur twice are followed by their refs."""
    titles = [one.title for one in choices]
    return [replace(one, title=f"{one.title} ({one.text})") if titles.count(one.title) > 1 else one for one in choices]


def _limits(field: Field) -> list[tuple[str, str]]:
    """Attributes that help people while they type; what counts is checked when they are done."""
    schema, out = field.schema, []
    if field.kind == "number":
        least, most = schema.get("minimum"), schema.get("maximum")
        step = schema.get("multipleOf") or (1 if type_of(schema) == "integer" else "any")
        pairs: list[tuple[str, Any]] = [("min", least), ("max", most), ("step", step)]
        out = [(name, format_number(value)) for name, value in pairs if isinstance(value, (int, float, str))]
    return out


def _focused(view: FieldView, name: str) -> FieldView:
    if view.name == name:
        if view.fields and view.shape in ("object", "list"):
            return replace(view, fields=[_focused(view.fields[0], view.fields[0].name), *view.fields[1:]])
        return replace(view, is_focused=True)
    if not view.fields or not (name.startswith(f"{view.name}/") or view.name == "f"):
        return view
    return replace(view, fields=[_focused(one, name) for one in view.fields])


def _has_files(view: FieldView) -> bool:
    return view.shape == "file" or any(_has_files(one) for one in view.fields)


def _markdown(text: str) -> Markup:
    return render_markdown(text) if text else Markup("")
