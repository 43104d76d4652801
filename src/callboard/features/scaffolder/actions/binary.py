"""Whether bytes are text, by the rules that Backstage's scaffolder goes by: what is binary is copied, not rendered.

Source: isbinaryfile 5, of which the first 512 bytes count.
"""

from __future__ import annotations

_LOOKED_AT = 512
_TEXT_MARKS = (b"\xef\xbb\xbf", b"\x00\x00\xfe\xff", b"\xff\xfe\x00\x00", b"\x84\x31\x95\x33", b"\xfe\xff", b"\xff\xfe")
_PLAIN = frozenset((*range(7, 15), *range(32, 128)))
_PLAIN_BYTES = bytes(sorted(_PLAIN))
_SURE_AFTER = 32
_PERCENT = 10


def is_binary(content: bytes) -> bool:
    """Text has no NUL, and at most a tenth of control characters and of bytes that are no UTF-8."""
    head = content[:_LOOKED_AT]
    if not head or head.startswith(_TEXT_MARKS):
        return False
    if head.startswith(b"%PDF-") or 0 in head:
        return True
    if not head.translate(None, _PLAIN_BYTES):
        return False
    odd = 0
    at, size = 0, len(head)
    while at < size:
        byte = head[at]
        if byte not in _PLAIN:
            length = _sequence(head, at)
            if length:
                at += length
                continue
            odd += 1
            if at >= _SURE_AFTER and odd * 100 / size > _PERCENT:
                return True
        at += 1
    return odd * 100 / size > _PERCENT


def _sequence(head: bytes, at: int) -> int:
    """How many bytes a UTF-8 sequence at ``at`` has; 0 when there is none."""
    first, size = head[at], len(head)
    length = 2 if 0xC0 <= first <= 0xDF else 3 if 0xE0 <= first <= 0xEF else 4 if 0xF0 <= first <= 0xF7 else 0
    if not length or at + length > size:
        return 0
    return length if all(0x80 <= head[at + step] <= 0xBF for step in range(1, length)) else 0
