"""HTTP on the socket: uvicorn's protocol, which reads heads of any length, with an end to that.

Imported by ``callboard serve`` alone, as it needs the server.
"""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 131_072
"""Request line and headers together; Node takes 16 KiB, but tokens and cookies grow."""

_REFUSAL = f"The head of the request is too large: address and headers have at most {MAX_HEAD_BYTES:,} bytes.".encode()


class LimitedProtocol(HttpToolsProtocol):
    """Answers 431 and hangs up where a head does not end in time."""

    _head_bytes = -1
    """Bytes of a head that is not complete yet; -1 outside of one."""

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._head_bytes >= 0:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
                self._head_bytes = -1
                self.transport.write(
                    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
                    b"connection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(_REFUSAL), _REFUSAL)
                )
                self.transport.close()

    def on_message_begin(self) -> None:
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._head_bytes = -1
        super().on_headers_complete()
