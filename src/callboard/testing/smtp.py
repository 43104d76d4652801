"""A mail server on this machine that keeps what it is given, for tests of whatever sends mail."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Self


@dataclass(frozen=True, slots=True)
class TakenMail:
    """A mail as it came: envelope and content."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes

    @property
    def message(self) -> EmailMessage:
        parsed = message_from_bytes(self.content, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    def text(self, subtype: str = "plain") -> str:
        """The part of that type, decoded."""
        part = self.message.get_body((subtype,))
        assert part is not None
        return str(part.get_content())


class FakeSmtp:
    """``async with FakeSmtp() as server``: listens on ``server.port`` of 127.0.0.1.

    ``refuse`` maps a command (``RCPT``, ``DATA``, ``CONNECT``) to answers that it gets in turn before it is taken again.
    """

    def __init__(self) -> None:
        self.mails: list[TakenMail] = []
        self.refuse: dict[str, list[str]] = {}
        self.port = 0
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    def _answer(self, command: str, usual: str) -> bytes:
        waiting = self.refuse.get(command)
        return f"{waiting.pop(0) if waiting else usual}\r\n".encode()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sender, recipients = "", list[str]()
        writer.write(self._answer("CONNECT", "220 test ready"))
        try:
            while line := await reader.readline():
                command, _, rest = line.decode().strip().partition(" ")
                match command.upper():
                    case "EHLO":
                        writer.write(b"250-test\r\n250 8BITMIME\r\n")
                    case "MAIL":
                        sender, recipients = _address(rest), []
                        writer.write(self._answer("MAIL", "250 ok"))
                    case "RCPT":
                        answer = self._answer("RCPT", "250 ok")
                        if answer.startswith(b"250"):
                            recipients.append(_address(rest))
                        writer.write(answer)
                    case "DATA":
                        answer = self._answer("DATA", "354 go on")
                        writer.write(answer)
                        if answer.startswith(b"354"):
                            await writer.drain()
                            content = await reader.readuntil(b"\r\n.\r\n")
                            unstuffed = content[:-3].replace(b"\r\n..", b"\r\n.")
                            self.mails.append(TakenMail(sender, tuple(recipients), unstuffed))
                            writer.write(b"250 taken\r\n")
                    case "QUIT":
                        writer.write(b"221 bye\r\n")
                        break
                    case _:
                        writer.write(b"250 ok\r\n")
                await writer.drain()
        finally:
            writer.close()


def _address(rest: str) -> str:
    return rest.partition("<")[2].partition(">")[0]
