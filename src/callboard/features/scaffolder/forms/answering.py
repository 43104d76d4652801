"""One request of the wizard: what was sent, read into answers, and what can be done with them. No HTML."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Mapping, Sequence

from callboard.features.scaffolder.forms.checking import Fault, FieldChecks, place
from callboard.features.scaffolder.forms.entities import Entities, Offer
from callboard.features.scaffolder.forms.hosts import SourceHosts
from callboard.features.scaffolder.forms.judging import COMBINING, judge
from callboard.features.scaffolder.forms.model import FormPage, build_page, collect, is_shown
from callboard.features.scaffolder.forms.parsing import Answers, move, token_key
from callboard.features.scaffolder.forms.paths import put
from callboard.features.scaffolder.forms.repositories import parse_repository
from callboard.features.scaffolder.interface import TemplateForm, Templates, ValueProblem
from callboard.kernel.auth.actor import Actor
from callboard.model.refs import EntityRef
from callboard.ui.messages import Translator

HasFlag = Callable[[str], bool]


@dataclass(slots=True)
class Wizard:
    """A form that is being filled in. ``steps`` are (index among all pages of the template, page) of those that are shown."""

    form: TemplateForm
    ref: EntityRef
    actor: Actor
    answers: Answers
    has_flag: HasFlag
    steps: Sequence[tuple[int, Mapping[str, Any]]] = ()
    found: dict[str, Sequence[Offer]] = field(default_factory=dict)
    focus: str = ""

    def __post_init__(self) -> None:
        def shown(step: Mapping[str, Any]) -> bool:
            return is_shown(step, self.has_flag) and is_shown(step.get("schema"), self.has_flag)

        self.steps = [(n, step) for n, step in enumerate(self.form.steps) if shown(step)]

    def page(self, index: int) -> FormPage:
        """The page with its fields as they are for the answers; what its schema gives becomes an answer."""
        built = build_page(self.steps[index][1], self.answers.values, self.answers.known, has_flag=self.has_flag)
        self.answers.values = dict(built.values)
        return built

    def pages(self) -> list[FormPage]:
        return [self.page(n) for n in range(len(self.steps))]

    def submission(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Values and secrets as a task takes them: only of what is asked now."""
        pages = self.pages()
        wanted = {str(one.path[-1]) for page in pages for one in page.walk() if one.kind == "secret"}
        wanted |= {key for page in pages for one in page.walk() if (key := _token_key(one))}
        secrets = {name: one for name, one in self.answers.secrets.items() if name in wanted}
        return collect(pages, self.answers.values), secrets


def _token_key(one: Any) -> str:
    return token_key(one) if one.kind == "repository" else ""


def shown_names(page: FormPage, hosts: SourceHosts, answers: Answers) -> set[str]:
    """What a page asks: fields and, of addresses, their parts."""
    names: set[str] = set()
    for one in page.walk():
        if one.kind == "hidden":
            continue
        names.add(one.name + ("" if one.variant is None else f":{one.variant.chosen}"))
        if one.kind == "repository":
            host = (
                parse_repository(one.value, hosts.kinds).get("host")
                or answers.known.hosts.get(one.name)
                or hosts.names(one)[0]
            )
            names |= {f"{one.name}:{part}" for part in hosts.parts(host)}
    return names


class Answering:
    """Checks and searches that need the rest of the portal."""

    def __init__(self, templates: Templates, entities: Entities, hosts: SourceHosts) -> None:
        self._templates = templates
        self._entities = entities
        self._hosts = hosts
        self._checks = FieldChecks(entities, hosts)

    async def settle(self, before: FormPage, wizard: Wizard, index: int) -> None:
        """Names of entities that were typed become refs. Only what changed is looked at."""
        old = {one.name: one.value for one in before.walk()}
        for one in wizard.page(index).walk():
            if one.kind == "entity" and isinstance(one.value, str) and one.value and old.get(one.name) != one.value:
                put(wizard.answers.values, one.path, await self._entities.settle(one, one.value, actor=wizard.actor))
            if one.kind == "entities" and isinstance(one.value, list) and old.get(one.name) != one.value:
                held = old.get(one.name)
                known = held if isinstance(held, list) else []
                refs = [
                    v if v in known else await self._entities.settle(one, str(v), actor=wizard.actor) for v in one.value
                ]
                put(wizard.answers.values, one.path, list(dict.fromkeys(refs)))

    async def check(self, wizard: Wizard, index: int, t: Translator) -> list[Fault]:
        """What is wrong on a page."""
        self.tidy(wizard, index)
        values, _ = wizard.submission()
        return await self._check(wizard, index, values, t)

    async def check_all(self, wizard: Wizard, t: Translator) -> tuple[int, list[Fault]]:
        """The first page with something wrong, and what that is."""
        for index in range(len(wizard.steps)):
            self.tidy(wizard, index)
        values, _ = wizard.submission()
        for index in range(len(wizard.steps)):
            faults = await self._check(wizard, index, values, t)
            if faults:
                return index, faults
        return len(wizard.steps), []

    async def _check(self, wizard: Wizard, index: int, values: Mapping[str, Any], t: Translator) -> list[Fault]:
        at = wizard.steps[index][0]
        problems = await self._templates.check_values(wizard.ref, values, actor=wizard.actor, page=at)
        return await self._faults(wizard, wizard.page(index), problems, t)

    async def _faults(
        self, wizard: Wizard, page: FormPage, problems: Sequence[ValueProblem], t: Translator
    ) -> list[Fault]:
        own = await self._checks.check(page, t, actor=wizard.actor)
        beside = place(page, judge(page), t)
        if beside or own:  # what only says that some part does not fit is explained by that part
            problems = [one for one in problems if one.name not in COMBINING]
        found: dict[str, Fault] = {}
        for fault in [*own, *beside, *place(page, problems, t)]:
            found.setdefault(fault.name or fault.title + fault.message, fault)
        order = {one.name: n for n, one in enumerate(page.walk())}
        return sorted(found.values(), key=lambda one: order.get(one.name, -1))

    def placed(self, wizard: Wizard, problems: Sequence[ValueProblem], t: Translator) -> tuple[int, list[Fault]]:
        """Problems that came back from making the task, at the first page that has their fields."""
        for index in range(len(wizard.steps)):
            faults = place(wizard.page(index), problems, t)
            if any(one.name for one in faults):
                return index, faults
        return 0, place(wizard.page(0), problems, t) if wizard.steps else []

    @staticmethod
    def tidy(wizard: Wizard, index: int) -> None:
        """Rows of lists that were left empty go."""
        for one in wizard.page(index).walk():
            if one.kind == "list" and isinstance(one.value, list) and any(v is None for v in one.value):
                if not any(below.kind in ("object", "list", "data", "hidden") for below in one.fields):
                    put(wizard.answers.values, one.path, [v for v in one.value if v is not None])

    async def act(self, do: str, wizard: Wizard, index: int) -> None:
        """Buttons that change the page: ``add:<list>``, ``remove:<item>``, ``up:``, ``down:``, ``find:<picker>``."""
        what, _, name = do.partition(":")
        page = wizard.page(index)
        if what == "find":
            field = page.find(name)
            if field is not None:
                wizard.focus = name
                words = field.value if isinstance(field.value, str) else ""
                wizard.found[name] = await self.suggest(wizard, index, name, words)
            return
        list_name, at = (name, "0") if what == "add" else (name.rpartition("/")[0], name.rpartition("/")[2])
        field = page.find(list_name)
        if field is None or field.kind != "list" or not at.isdecimal():
            wizard.focus = name if what == "add" else ""
            return
        move(wizard.answers, field, what, int(at))
        after = wizard.page(index).find(list_name)
        rows = after.fields if after is not None else ()
        if what == "add" and rows:
            wizard.focus = rows[-1].name
        elif what in ("up", "down"):
            wizard.focus = f"{list_name}/{max(0, int(at) + (1 if what == 'down' else -1))}"

    async def suggest(self, wizard: Wizard, index: int, name: str, words: str) -> list[Offer]:
        """What a picker of the page offers for ``words``; none for what is no picker."""
        page = wizard.page(index)
        field_name, _, part = name.partition(":")
        field = page.find(field_name)
        if field is None:
            return []
        match field.kind:
            case "entity" | "entities":
                return await self._entities.offers(field, words, actor=wizard.actor)
            case "tags":
                return await self._entities.tags(field, words, actor=wizard.actor)
            case "repository":
                host = parse_repository(field.value, self._hosts.kinds).get("host") or wizard.answers.known.hosts.get(
                    field_name, ""
                )
                parts = parse_repository(field.value, self._hosts.kinds)
                return await self._hosts.offers(
                    host, part, words, context=_context(parts), token=self._token(wizard, field)
                )
            case "branch" | "repository-owner":
                return await self._beside(wizard, field, words)
        return []

    async def _beside(self, wizard: Wizard, field: Any, words: str) -> list[Offer]:
        """Branches of the repository that another field names; owners at the host that the options name."""
        if field.kind == "repository-owner":
            excluded = field.option("excludedOwners")
            host = str(field.option("host") or "github.com")
            found = await self._hosts.offers(host, "owner", words, context={}, token=self._token(wizard, field))
            return [one for one in found if not isinstance(excluded, list) or one.value not in excluded]
        for page in wizard.pages():
            for one in page.walk():
                parts = parse_repository(one.value, self._hosts.kinds) if one.kind == "repository" else {}
                if parts.get("repo"):
                    token = self._token(wizard, field) or self._token(wizard, one)
                    return await self._hosts.offers(
                        parts["host"], "branch", words, context=_context(parts), token=token
                    )
        return []

    @staticmethod
    def _token(wizard: Wizard, field: Any) -> str:
        return wizard.answers.secrets.get(token_key(field), "")


def _context(parts: Mapping[str, str]) -> dict[str, str]:
    """What providers of suggestions want to know, in Backstage's words."""
    context = {key: value for key, value in parts.items() if key != "repo"}
    if parts.get("repo"):
        context["repository"] = context["repo"] = parts["repo"]
    return context
