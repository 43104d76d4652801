"""Mails: what they say, and the job that sends those that are due to one reader."""

from __future__ import annotations

from datetime import UTC, timedelta
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid, parseaddr
from functools import cached_property
from typing import Any, Protocol, Sequence

import orjson

from callboard.features.catalog.interface import CatalogQueries
from callboard.features.notifications.channels import store
from callboard.features.notifications.channels.message import Message
from callboard.features.notifications.channels.outbox import EMAIL_JOB
from callboard.features.notifications.channels.smtp import MailRefused
from callboard.features.notifications.channels.store import Delivery
from callboard.features.notifications.domain import EMAIL
from callboard.features.notifications.settings import EmailSettings
from callboard.features.notifications.unsubscribe import UnsubscribeLinks, Unsubscription
from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.clock import Clock, format_time, parse_time
from callboard.kernel.db.interface import Database
from callboard.kernel.errors import UnavailableError
from callboard.kernel.jobs import JobContext, JobKind, Jobs, RetryLater
from callboard.kernel.user_settings import BUCKET, LOCALE, UserSettings
from callboard.ui.messages import Messages, Translator

GIVE_UP_AFTER = timedelta(days=1)
FIRST_RETRY_S = 10.0
LONGEST_RETRY_S = 1800.0
MAX_IN_MAIL = 100
_SUBJECT = 180


class MailServer(Protocol):
    async def send(self, mail: EmailMessage, recipient: str) -> None: ...


class MailChannel:
    """Sends what ``outbox`` stored for the channel Email."""

    def __init__(
        self, portal: Any, settings: EmailSettings, server: MailServer, links: UnsubscribeLinks, messages: Messages
    ) -> None:
        self._portal = portal
        self._db: Database = portal.db
        self._clock: Clock = portal.clock
        self._jobs: Jobs = portal.jobs
        self._values: UserSettings = UserSettings(portal.db, portal.clock)
        self._queries: CatalogQueries | None = portal.find_service(CatalogQueries)
        self._settings = settings
        self._server = server
        self._links = links
        self._messages = messages

    def job_kinds(self) -> Sequence[JobKind]:
        return [JobKind(EMAIL_JOB, self.deliver, concurrency=4)]

    async def deliver(self, context: JobContext) -> None:
        """One mail with all that is due to the user of the payload: there is one such job a user at a time."""
        user: str = context.payload["user"]
        now = format_time(self._clock.now())
        async with self._db.write() as tx:
            await store.fail_cut_off(tx, EMAIL, user, now)
            due = await store.take_due(tx, EMAIL, user, now, MAX_IN_MAIL)
            # Who has read it in the portal meanwhile need not be mailed; what goes out at once is not waited for.
            read = await store.list_read(tx, user, [one.notification for one in due])
            await store.set_state(tx, [d.id for d in due if d.notification in read], "skipped", ended_at=now)
            locale = await self._values.find(user, BUCKET, LOCALE, tx=tx)
        due = [one for one in due if one.notification not in read]
        if due:
            await self._send(user, due, locale)
        async with self._db.write() as tx:
            later = await store.next_due(tx, EMAIL, user)
            if later is not None:
                await self._jobs.enqueue(tx, EMAIL_JOB, {"user": user}, key=user, run_at=parse_time(later))

    # What else may be raised leaves the mark: nobody knows how far it came, and the next run gives these up.
    async def _send(self, user: str, due: Sequence[Delivery], locale: Any) -> None:
        ids = [one.id for one in due]
        try:
            address = await find_address(self._portal, self._queries, user)
            if not address:
                await self._note(ids, "failed", "No e-mail address is known.")
                return
            t = self._messages.translator(locale if locale in self._messages.locales else "en")
            mail = await self._compose(user, address, due, t)
            await self._server.send(mail, address)
        except MailRefused as error:
            await self._note(ids, "failed", error.message)
            return
        except UnavailableError as error:
            # Each mail has its own day in which the server may come back, whatever waited before it.
            now = self._clock.now()
            ages = {one.id: now - parse_time(one.due_at) for one in due}
            await self._note([id for id in ids if ages[id] >= GIVE_UP_AFTER], "failed", error.message)
            await self._note([id for id in ids if ages[id] < GIVE_UP_AFTER], "waiting", error.message)
            if min(ages.values()) >= GIVE_UP_AFTER:
                return
            longest = max(age for age in ages.values() if age < GIVE_UP_AFTER).total_seconds()
            raise RetryLater(min(max(longest, FIRST_RETRY_S), LONGEST_RETRY_S), error.message) from error
        await self._note(ids, "sent", None)

    async def _note(self, ids: Sequence[str], state: str, error: str | None) -> None:
        ended_at = None if state == "waiting" else format_time(self._clock.now())
        async with self._db.write() as tx:
            await store.set_state(tx, ids, state, ended_at=ended_at, error=error)

    # ---- what it says ------------------------------------------------------------------------------------------------

    @cached_property
    def _environment(self) -> Any:
        import jinja2

        return jinja2.Environment(
            loader=jinja2.PackageLoader("callboard.features.notifications", "mails"), autoescape=jinja2.select_autoescape(["html"]),
            undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip

    async def _compose(self, user: str, address: str, due: Sequence[Delivery], t: Translator) -> EmailMessage:
        found = [Message.from_json(one.payload) for one in due]
        base_url: str = self._portal.settings.get_str("app.baseUrl", self._portal.auth.settings.base_url).rstrip("/")
        site: str = self._portal.settings.get_str("app.title", "Callboard")
        first = found[0]
        about = Unsubscription(user, first.origin, first.topic) if len(found) == 1 else Unsubscription(user, "", "")
        stop_url = f"{base_url}/notifications/unsubscribe?t={await self._links.make(about)}"
        context = {
            "t": t, "site": site, "messages": [(one, one.url(base_url)) for one in found], "stop_url": stop_url,
            "settings_url": f"{base_url}/settings/notifications", "all_url": f"{base_url}/notifications", "locale": t.locale,
        }  # fmt: skip
        mail = EmailMessage()
        subject = first.title if len(found) == 1 else t("notifications.mail.digest", n=len(found), site=site)
        mail["Subject"] = " ".join(subject.split())[:_SUBJECT]
        mail["From"] = self._settings.sender
        mail["To"] = address
        if self._settings.reply_to:
            mail["Reply-To"] = self._settings.reply_to
        mail["Date"] = format_datetime(self._clock.now().astimezone(UTC))
        domain = parseaddr(self._settings.sender)[1].partition("@")[2] or "callboard"
        # From the delivery, so that two copies of one mail can be told to be one.
        mail["Message-ID"] = f"<{due[0].id}@{domain}>" if domain.isascii() else make_msgid()
        mail["Auto-Submitted"] = "auto-generated"
        mail["List-Unsubscribe"] = f"<{stop_url}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        if any(one.severity == "critical" for one in found):
            mail["Importance"] = "high"
        mail.set_content(self._environment.get_template("mail.txt").render(context))
        mail.add_alternative(self._environment.get_template("mail.html").render(context), subtype="html")
        return mail


async def find_address(portal: Any, queries: CatalogQueries | None, user: str) -> str:
    """What the catalog says of ``user``, else the local user's; empty when neither knows one that is an address."""
    address = ""
    raw = await queries.find_raw(user, actor=SYSTEM) if queries is not None else None
    if raw is not None:
        profile = (orjson.loads(raw).get("spec") or {}).get("profile")
        address = str(profile.get("email") or "") if isinstance(profile, dict) else ""
    if not address:
        local = await portal.auth.users.find_by_ref(user)
        address = (local.email or "") if local is not None and not local.disabled else ""
    return address if _is_address(address) else ""


def _is_address(text: str) -> bool:
    return (
        "@" in text and len(text) <= 254 and text.isprintable() and not any(mark in text for mark in " ,;<>\"'")
    )  # one address, and nothing that could become another header
