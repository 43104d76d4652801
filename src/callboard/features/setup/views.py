"""The pages at ``/setup``. Plain forms: each posts, and is led on by a redirect; a check answers on the same page."""

from __future__ import annotations

from typing import Any

from starlette.datastructures import UploadFile
from starlette.responses import Response

from callboard.features.setup.checks import Checks, told_by
from callboard.features.setup.domain import (
    MAX_NAME,
    clean,
    logo_of,
    look_faults,
    read_look,
    read_source,
    source_faults,
    with_logo,
)
from callboard.features.setup.interface import Draft, Fault, SetupClosed, SetupTokenRefused
from callboard.features.setup.pages import ACCENTS, DonePage, DoorPage, StepPage, Told, steps_of, told, words_of
from callboard.features.setup.service import Setup
from callboard.kernel.auth.providers import SignInAttempt
from callboard.kernel.errors import CallboardError, InputError, LimitError, NotFoundError
from callboard.kernel.web.cookies import clear_cookie, set_cookie
from callboard.kernel.web.errors import status_of
from callboard.kernel.web.request import Request
from callboard.kernel.web.responses import Redirect
from callboard.kernel.web.routing import Route
from callboard.ui.look.colours import parse_colour
from callboard.ui.look.logos import MAX_BYTES, MAX_PIXELS, LogoRefused, read_logo
from callboard.ui.look.serving import Shown, digest, picture, sheet_of
from callboard.ui.messages import Messages, Translator

COOKIE = "callboard_setup"
MAX_FORM_BYTES = 16 * 1024
MAX_LOOK_BYTES = 1024 * 1024
"""A logo that is too large is read to here, to be refused in words; a larger one is cut off."""
_LIMITS = (("n", MAX_BYTES // 1024), ("pixels", MAX_PIXELS))
_PRIVATE = {"cache-control": "no-store"}


class SetupViews:
    """Everybody may ask; who has no session of the set-up learns how to get one, and nothing else."""

    def __init__(self, setup: Setup, checks: Checks, auth: Any, messages: Messages) -> None:
        self._setup = setup
        self._checks = checks
        self._auth = auth
        self._messages = messages

    def routes(self) -> list[Route]:
        pairs = (
            ("/setup", self.show_look, self.post_look, "setup"),
            ("/setup/software", self.show_software, self.post_software, "setup-software"),
            ("/setup/administrator", self.show_administrator, self.post_administrator, "setup-administrator"),
        )
        shown = [Route(path, show, auth="public", name=name) for path, show, _, name in pairs]
        posted = [
            Route(
                path, post, ("POST",), auth="public", name=f"{name}-post",
                max_body_bytes=MAX_LOOK_BYTES if name == "setup" else MAX_FORM_BYTES,
            )
            for path, _, post, name in pairs
        ]  # fmt: skip
        shown.append(Route("/setup/logo", self.show_logo, auth="public", name="setup-logo"))
        return [*shown, *posted, Route("/setup/done", self.done, auth="page", name="setup-done")]

    def _t(self, request: Request) -> Translator:
        return self._messages.translator(request.locale)

    # ---- the door --------------------------------------------------------------------------------------------------

    async def _draft(self, request: Request) -> Draft | Response:
        """The draft of whoever was let in, or the page at the door."""
        try:
            draft = await self._setup.find_draft(request.cookies.get(COOKIE))
        except SetupClosed:
            return self._door(request, "closed", 404)
        return draft if draft is not None else self._door(request, "locked", 403)

    def _door(self, request: Request, state: Any, status: int, message: str = "") -> Response:
        page = DoorPage(self._t(request)("setup.title"), state, message)
        return request.render("setup/door.html", page, status, headers=_PRIVATE)

    async def _let_in(self, request: Request, token: str) -> Response:
        address = request.client.host if request.client else ""
        try:
            session = await self._setup.exchange(token[:200], address=address)
        except SetupClosed:
            return self._door(request, "closed", 404)
        except SetupTokenRefused as error:
            return self._door(request, "refused", 403, error.message)
        except LimitError as error:
            t, seconds = self._t(request), int(error.retry_after_s or 0) + 1
            return self._door(request, "refused", status_of(error), t("setup.door.often", n=seconds))
        response = Redirect("/setup", headers=_PRIVATE)
        set_cookie(response, self._auth.settings, COOKIE, session)
        return response

    # ---- name and look ---------------------------------------------------------------------------------------------

    async def show_look(self, request: Request) -> Response:
        token = request.query_params.get("token")
        if token:
            return await self._let_in(request, token)
        draft = await self._draft(request)
        return draft if isinstance(draft, Response) else self._step(request, "look", draft)

    async def post_look(self, request: Request) -> Response:
        before = await self._draft(request)
        if isinstance(before, Response):
            return before
        form = await request.form()
        draft = read_look(await request.read_form(), before)
        faults = look_faults(draft)
        file = form.get("logo")
        if isinstance(file, UploadFile) and file.filename:
            try:
                draft = with_logo(draft, read_logo(await file.read(MAX_BYTES + 1)))
            except LogoRefused as error:
                faults.append(Fault("logo", f"setup.fault.logo_{error.reason}", named=_LIMITS))
        await self._setup.keep(draft)
        if faults or form.get("do") == "show":
            return self._step(request, "look", draft, faults=faults)
        return Redirect("/setup/software")

    async def show_logo(self, request: Request) -> Response:
        """The logo of the draft, for whoever may see the draft."""
        draft = await self._setup.find_draft(request.cookies.get(COOKIE))
        logo = logo_of(draft) if draft is not None else None
        if logo is None:
            raise NotFoundError("There is no logo.")
        return picture(logo, "private, no-store")

    # ---- where the software lives ----------------------------------------------------------------------------------

    async def show_software(self, request: Request) -> Response:
        draft = await self._draft(request)
        if isinstance(draft, Response):
            return draft
        return Redirect("/setup") if look_faults(draft) else self._step(request, "software", draft)

    async def post_software(self, request: Request) -> Response:
        before = await self._draft(request)
        if isinstance(before, Response):
            return before
        form = await request.read_form()
        draft = read_source(form, before)
        await self._setup.keep(draft)
        if faults := source_faults(draft):
            return self._step(request, "software", draft, faults=faults)
        if form.get("do") == "check":
            verdict = await self._checks.check(draft)
            return self._step(request, "software", draft, banner=told(verdict, self._t(request)), status=200)
        return Redirect("/setup/administrator")

    # ---- the administrator, and the end ----------------------------------------------------------------------------

    async def show_administrator(self, request: Request) -> Response:
        draft = await self._draft(request)
        return draft if isinstance(draft, Response) else await self._administrator(request, draft)

    async def _administrator(self, request: Request, draft: Draft, **options: Any) -> Response:
        if look_faults(draft):
            return Redirect("/setup")
        if source_faults(draft):
            return Redirect("/setup/software")
        preview = ""
        try:
            preview = await self._setup.format(draft)
        except CallboardError as error:
            options.setdefault("banner", Told("bad", self._t(request)("setup.check.failed"), [told_by(error)]))
        return self._step(request, "administrator", draft, preview=preview, file=str(self._setup.file), **options)

    async def post_administrator(self, request: Request) -> Response:
        draft = await self._draft(request)
        if isinstance(draft, Response):
            return draft
        form, t = await request.read_form(), self._t(request)
        name, shown = clean(form.get("user", ""), 63).lower(), clean(form.get("display_name", ""), MAX_NAME)
        typed = {"user": name, "display_name": shown}
        password = form.get("password", "")
        if password != form.get("again", ""):
            return await self._administrator(request, draft, faults=[Fault("again", "setup.fault.again")], **typed)
        if look_faults(draft) or source_faults(draft):
            return await self._administrator(request, draft)
        session = request.cookies.get(COOKIE, "")
        try:
            await self._setup.finish(
                draft, session=session, name=name, password=password, display_name=shown, request=request
            )
        except SetupClosed:
            return self._door(request, "closed", 404)
        except CallboardError as error:
            place = (
                {"name": "user", "password": "password"}.get(error.field or "")
                if isinstance(error, InputError)
                else None
            )
            if place is not None:
                return await self._administrator(request, draft, faults=[Fault(place, text=error.message)], **typed)
            banner = Told("bad", t("setup.failed"), [told_by(error)])
            return await self._administrator(request, draft, banner=banner, status=status_of(error), **typed)
        response = await self._sign_in(request, name, password)
        self._setup.begin_restart()  # the answer still goes out
        return response

    async def _sign_in(self, request: Request, name: str, password: str) -> Response:
        attempt = SignInAttempt(
            {"username": name, "password": password}, request.client.host if request.client else None
        )
        try:
            signed_in = await self._auth.sign_in(
                "local",
                attempt,
                replaces=self._auth.session_id_of(request.scope),
                user_agent=request.headers.get("user-agent"),
            )
        except CallboardError:  # everything is written; they can still sign in by hand
            return Redirect("/sign-in?next=/setup/done", headers=_PRIVATE)
        response = Redirect("/setup/done", headers=_PRIVATE)
        longest = int(self._auth.settings.session_longest.total_seconds())
        set_cookie(response, self._auth.settings, self._auth.cookie_name, signed_in.session_id, max_age_s=longest)
        clear_cookie(response, self._auth.settings, COOKIE)
        return response

    async def done(self, request: Request) -> Response:
        outcome = await self._setup.find_outcome(request.actor.subject)
        if outcome is None:
            raise NotFoundError("There is nothing here for you.")
        page = DonePage(
            self._t(request)("setup.done"),
            outcome,
            self._setup.is_in_effect,
            self._setup.is_restarting,
            self._setup.restart_fault,
        )
        # In a header: a page that loads itself again by its own markup keeps doing so when it is saved or read aloud.
        again = {"refresh": "1"} if page.is_restarting else {}
        return request.render("setup/done.html", page, headers={**_PRIVATE, **again})

    def _step(
        self,
        request: Request,
        step: str,
        draft: Draft,
        *,
        faults: list[Fault] | None = None,
        status: int = 0,
        **options: Any,
    ) -> Response:
        t = self._t(request)
        logo = logo_of(draft)
        page = StepPage(
            title=t(f"setup.{step}"),
            draft=draft,
            steps=steps_of(step, t),
            faults=words_of(faults or [], t),
            logo_url=f"/setup/logo?v={digest(logo)}" if logo else None,
            accents=ACCENTS,
            **options,
        )
        sheet = sheet_of(draft.accent) if parse_colour(draft.accent) else None
        return request.render(
            f"setup/{step}.html",
            page,
            status or (400 if faults else 200),
            headers=_PRIVATE,
            site_look=Shown(sheet, page.logo_url),
        )
