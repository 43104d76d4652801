"""Handing one mail to the server that the settings name, and to no other. The standard library's client, in a thread."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from email.message import EmailMessage
from typing import Callable

from callboard.features.notifications.settings import EmailSettings
from callboard.kernel.errors import InputError, UnavailableError

TIMEOUT_S = 30.0
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class MailRefused(InputError):
    """The server will not take this mail, now or later."""

    code = "notifications.mail_refused"


class Smtp:
    """One connection a mail. ``tls`` gives the context for encrypted connections; the machine's trust unless given."""

    def __init__(self, settings: EmailSettings, tls: Callable[[], ssl.SSLContext] = ssl.create_default_context) -> None:
        self._settings = settings
        self._tls = tls

    async def send(self, mail: EmailMessage, recipient: str) -> None:
        """Returns once the server has taken it.

        Raises:
            MailRefused: it never will (an answer of the 500s).
            UnavailableError: not now: no connection, no encryption for the password, or an answer of the 400s.
        """
        await asyncio.to_thread(self._send, mail, recipient)

    def _send(self, mail: EmailMessage, recipient: str) -> None:
        server = f"{self._settings.hostname}:{self._settings.port}"
        try:
            with self._connect() as client:
                client.send_message(mail, to_addrs=[recipient])
        except smtplib.SMTPRecipientsRefused as error:
            code, text = next(iter(error.recipients.values()))
            raise _answered(server, code, text) from error
        except smtplib.SMTPResponseException as error:
            raise _answered(server, error.smtp_code, error.smtp_error) from error
        except (smtplib.SMTPException, OSError) as error:
            raise UnavailableError(f"The mail server {server} could not be used: {error}") from error

    def _connect(self) -> smtplib.SMTP:
        given = self._settings
        if given.is_secure:
            client: smtplib.SMTP = smtplib.SMTP_SSL(given.hostname, given.port, timeout=TIMEOUT_S, context=self._tls())
        else:
            client = smtplib.SMTP(given.hostname, given.port, timeout=TIMEOUT_S)
        try:
            client.ehlo()
            is_encrypted = given.is_secure
            if not is_encrypted and client.has_extn("starttls"):
                client.starttls(context=self._tls())
                client.ehlo()
                is_encrypted = True
            if given.username:
                if not is_encrypted and given.hostname not in _LOOPBACK:
                    raise UnavailableError(
                        f"The mail server {given.hostname} offers no encryption, so no password is sent to it."
                    )
                client.login(given.username, given.password)
        except BaseException:
            client.close()
            raise
        return client


def _answered(server: str, code: int, text: bytes | str) -> MailRefused | UnavailableError:
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    problem = f"The mail server {server} answered {code} {said[:300]}"
    # A wrong password (535) is the portal's mistake, not the mail's: the mail waits until it is put right.
    return MailRefused(problem) if 500 <= code < 600 and code not in (530, 534, 535) else UnavailableError(problem)
