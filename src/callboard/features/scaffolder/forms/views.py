"""``/create/templates/<namespace>/<name>``: the wizard. Every step is a form that posts; with script a page's fields follow at once."""

from __future__ import annotations

from typing import Any, Mapping, Sequence
from urllib.parse import quote

import orjson
from starlette.datastructures import FormData, UploadFile
from starlette.responses import Response

from callboard.features.scaffolder.forms.answering import Answering, Wizard, shown_names
from callboard.features.scaffolder.forms.checking import Fault
from callboard.features.scaffolder.forms.drawing import FormViews, PageView
from callboard.features.scaffolder.forms.pages import WizardPage, labels_of, wizard_steps
from callboard.features.scaffolder.forms.parsing import Answers, Upload, read_page
from callboard.features.scaffolder.forms.review import review_page
from callboard.features.scaffolder.forms.state import format_state, read_state, seal_state
from callboard.features.scaffolder.interface import NewTask, Tasks, Templates, ValuesRefused
from callboard.features.scaffolder.permissions import CREATE_TASK
from callboard.kernel.web.request import Request
from callboard.kernel.web.responses import Json, Redirect
from callboard.kernel.web.routing import Route
from callboard.model.refs import EntityRef
from callboard.ui.markdown import render_markdown
from callboard.ui.messages import Messages, Translator
from callboard.ui.parts import Banner, Crumb

MAX_FORM_BYTES = 6 * 1024 * 1024
"""The answers (900 KiB) may take three bytes a character on their way; beside them the files of the page."""
PATH = "/create/templates/{namespace}/{name}"
_LIST_ACTIONS = ("add", "remove", "up", "down", "find")


class FormRoutes:
    """Dependencies arrive here and nowhere else. ``flags`` are the names of feature flags that are on."""

    def __init__(
        self,
        templates: Templates,
        tasks: Tasks,
        views: FormViews,
        messages: Messages,
        *,
        flags: frozenset[str] = frozenset(),
    ) -> None:
        self._templates = templates
        self._tasks = tasks
        self._views = views
        self._messages = messages
        self._flags = flags
        self._answering = Answering(templates, views.entities, views.hosts)

    def routes(self) -> list[Route]:
        post: dict[str, Any] = {"methods": ("POST",), "auth": "page", "max_body_bytes": MAX_FORM_BYTES}
        return [
            Route(PATH, self.start, auth="page", name="scaffolder-form"),
            Route(PATH, self.submit, name="scaffolder-form-submit", **post),
            Route(f"{PATH}/fields", self.fields, name="scaffolder-form-fields", **post),
            Route(f"{PATH}/suggest", self.suggest, name="scaffolder-form-suggest", **post),
        ]

    def _t(self, request: Request) -> Translator:
        return self._messages.translator(request.locale)

    # ---- what was sent -------------------------------------------------------------------------------------------------

    async def _wizard(self, request: Request, answers: Answers) -> Wizard:
        ref = EntityRef("template", request.path_params["namespace"], request.path_params["name"])
        form = await self._templates.find_form(ref, actor=request.actor)
        request.portal.permissions.require(request.actor, CREATE_TASK)  # told before anything is typed
        return Wizard(form, ref, request.actor, answers, lambda name: name in self._flags)

    async def _read(self, request: Request) -> tuple[Wizard, int, bool, FormData]:
        """The form with what was sent for its page; whether the secrets of other pages could be opened."""
        sent = await request.form()
        said, sealed = str(sent.get("state", "")), str(sent.get("sealed", ""))
        answers, is_open = read_state(said, sealed, secret=_secret(request), purpose=_purpose(request))
        wizard = await self._wizard(request, answers)
        index = _number(sent.get("page"), len(wizard.steps))
        if index < len(wizard.steps):
            before = wizard.page(index)
            wizard.answers = read_page(before, sent, wizard.answers, await _uploads(sent))
            await self._answering.settle(before, wizard, index)
        return wizard, index, is_open, sent

    # ---- pages ---------------------------------------------------------------------------------------------------------

    async def start(self, request: Request) -> Response:
        said = request.query_params.get("formData", "")
        values, banners = _linked(said, self._t(request))
        wizard = await self._wizard(request, Answers(values))
        return await self._show(request, wizard, 0, banners=banners)

    async def submit(self, request: Request) -> Response:
        wizard, index, is_open, sent = await self._read(request)
        t, do = self._t(request), str(sent.get("do", "next"))
        reached = max(_number(sent.get("reached"), len(wizard.steps)), index)
        if not is_open:
            told = Banner("warn", t("scaffolder.form.sealed"), [t("scaffolder.form.sealed_means")])
            return await self._show(request, wizard, index, reached=reached, banners=[told], status=409)
        what, _, name = do.partition(":")
        if what in _LIST_ACTIONS and index < len(wizard.steps):
            await self._answering.act(do, wizard, index)
            return await self._show(request, wizard, index, reached=reached)
        if what in ("refresh", "back", "go"):
            to = {"refresh": index, "back": max(index - 1, 0)}.get(what, _number(name, reached))
            return await self._show(request, wizard, to, reached=reached)
        if index < len(wizard.steps):
            return await self._next(request, wizard, index, reached, sent, to_review=what == "review")
        return await self._create(request, wizard, reached)

    async def _next(
        self, request: Request, wizard: Wizard, index: int, reached: int, sent: FormData, *, to_review: bool
    ) -> Response:
        t = self._t(request)
        asked = set(str(sent.get("asked", "")).split(" ")) if "asked" in sent else None
        faults = await self._answering.check(wizard, index, t)
        now = shown_names(wizard.page(index), self._views.hosts, wizard.answers)
        more = asked is not None and not now <= asked
        if more:  # without script: further questions depend on what was answered
            told = Banner("info", t("scaffolder.form.more"), [t("scaffolder.form.more_means")])
            return await self._show(request, wizard, index, reached=reached, banners=[told])
        if faults:
            return await self._show(request, wizard, index, reached=reached, faults=faults, status=400)
        if to_review:
            at, faults = await self._answering.check_all(wizard, t)
            return await self._show(request, wizard, at, reached=reached, faults=faults, status=400 if faults else 200)
        return await self._show(request, wizard, index + 1, reached=max(reached, index + 1))

    async def _create(self, request: Request, wizard: Wizard, reached: int) -> Response:
        t = self._t(request)
        at, faults = await self._answering.check_all(wizard, t)
        if faults:
            return await self._show(request, wizard, at, reached=reached, faults=faults, status=400)
        values, secrets = wizard.submission()
        try:
            id = await self._tasks.create(NewTask(wizard.form.ref, values, secrets), actor=request.actor)
        except ValuesRefused as error:
            at, faults = self._answering.placed(wizard, error.problems, t)
            return await self._show(request, wizard, at, reached=reached, faults=faults, status=400)
        return Redirect(f"/create/tasks/{quote(id, safe='')}")

    # ---- parts ---------------------------------------------------------------------------------------------------------

    async def fields(self, request: Request) -> Response:
        """The fields of the page as they are for what was typed so far."""
        wizard, index, _, sent = await self._read(request)
        do = str(sent.get("do", ""))
        if do.partition(":")[0] in _LIST_ACTIONS and index < len(wizard.steps):
            await self._answering.act(do, wizard, index)
        page = await self._page(request, wizard, index, reached=_number(sent.get("reached"), len(wizard.steps)))
        return request.render("forms/fields.html", page)

    async def suggest(self, request: Request) -> Json:
        """What a picker offers for ``words``: ``{"items": [{"value", "title", "note"}]}``."""
        wizard, index, _, sent = await self._read(request)
        name, words = str(sent.get("suggest", "")), str(sent.get("words", ""))[:200]
        found = await self._answering.suggest(wizard, index, name, words) if index < len(wizard.steps) else []
        return Json({"items": [{"value": one.value, "title": one.title, "note": one.note} for one in found]})

    async def _show(self, request: Request, wizard: Wizard, index: int, *, status: int = 200, **more: Any) -> Response:
        return request.render("forms/wizard.html", await self._page(request, wizard, index, **more), status)

    async def _page(
        self, request: Request, wizard: Wizard, index: int, *, reached: int = 0, faults: Sequence[Fault] = (),
        banners: Sequence[Banner] = (),
    ) -> WizardPage:  # fmt: skip
        t, form = self._t(request), wizard.form
        last = len(wizard.steps)
        index, reached = min(index, last), max(reached, min(index, last))
        action = f"/create/templates/{quote(wizard.ref.namespace, safe='')}/{quote(wizard.ref.name, safe='')}"
        view: PageView | None = None
        asked: set[str] = set()
        if index < last:
            page = wizard.page(index)
            asked = shown_names(page, self._views.hosts, wizard.answers)
            focus = wizard.focus or next((one.name for one in faults if one.name), "")
            view = await self._views.view(
                page, wizard.answers, t, actor=request.actor, faults=faults, focus=focus, action=action, found=wizard.found
            )  # fmt: skip
        labels = labels_of(form, t)
        reviews = [review_page(one, n, t) for n, one in enumerate(wizard.pages())] if view is None else []
        titles = [str(step.get("title") or "") for _, step in wizard.steps]
        following = labels["create"] if index == last else labels["review"] if index == last - 1 else labels["next"]
        return WizardPage(
            form.title, form.ref, render_markdown(form.description or ""), (Crumb(t("scaffolder.form.crumb"), "/create"), Crumb(form.title)),
            action, wizard_steps(titles, index, reached, t), index, reached, last, format_state(wizard.answers),
            seal_state(wizard.answers, secret=_secret(request), purpose=_purpose(request)), banners, faults, view, reviews,
            labels["back"], following, reached == last and index < last - 1, labels["review"], " ".join(sorted(asked)),
        )  # fmt: skip


def _secret(request: Request) -> str:
    """What only this browser has; asking for a token makes one where there is none yet."""
    secret = request.csrf_secret
    if secret is None:
        _ = request.csrf_token
        secret = request.new_csrf_secret or ""
    return secret


def _purpose(request: Request) -> str:
    return f"{request.actor.subject} {request.path_params['namespace']}/{request.path_params['name']}".lower()


def _number(said: Any, most: int) -> int:
    text = str(said or "")
    return min(int(text), most) if text.isdecimal() and len(text) < 6 else 0


def _linked(said: str, t: Translator) -> tuple[dict[str, Any], list[Banner]]:
    """Answers that a link gives."""
    if not said:
        return {}, []
    try:
        values = orjson.loads(said)
    except orjson.JSONDecodeError:
        values = None
    if isinstance(values, dict):
        return values, []
    return {}, [Banner("warn", t("scaffolder.form.link"), [t("scaffolder.form.link_means")])]


async def _uploads(sent: FormData) -> Mapping[str, Sequence[Upload]]:
    found: dict[str, list[Upload]] = {}
    for name, value in sent.multi_items():
        if isinstance(value, UploadFile) and value.filename:
            content = await value.read()
            found.setdefault(name, []).append(Upload(value.filename, value.content_type or "", content))
    return found
