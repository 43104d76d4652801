"""Text to tokens. A *form* is a word as it is written, folded; its *term* is what the index compares (see ``stemming``).

A name such as ``govuk_publishing-components``, ``app.kubernetes.io/name`` or ``PublishingApi`` gives its parts and itself as a whole,
written without what joins it: ``publishing-api``, ``publishing api`` (see ``joins``) and ``publishingapi`` all meet in ``publishingapi``.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Iterator, Sequence

MAX_FORM = 48
"""Characters of a form; what is longer (a hash, a data URL) is cut."""
MAX_PARTS = 6
"""A whole of more parts than this is an address or a path: only its parts and the names in it are kept."""

_RAW = re.compile(r"\w+(?:[-._/:@+#'’&\\]+\w+)*")
_OUTER = re.compile(r"[/:@#+&\\]+")
_INNER = re.compile(r"[-._]+")
_CAMEL = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_NUMBERED = re.compile(r"([a-z]{3,})\d{1,6}$")
_PLURAL = re.compile(r"[A-Z]{2,}s$")
_WIDE = re.compile(r"[぀-ヿ㐀-鿿가-힯]+")
_MAX_KNOWN = 400_000


Token = tuple[tuple[str, ...], tuple[str, ...]]
"""The parts of a written word, and the names (wholes) that some of them make.

No class of its own: hundreds of thousands are kept, and plain tuples of texts are nothing that the garbage collector goes through.
"""

_known: dict[str, Token] = {}


def tokens(text: str) -> Iterator[Token]:
    """The written words of ``text`` in their order."""
    known = _known
    for raw in _RAW.findall(text):
        yield known.get(raw) or token_of(raw)


def written(text: str) -> Iterator[re.Match[str]]:
    """The written words of ``text`` where they stand, for ``token_of``."""
    return _RAW.finditer(text)


def token_of(raw: str) -> Token:
    """A written word that ``tokens`` or ``written`` has found."""
    found = _known.get(raw)
    if found is not None:
        return found
    if len(_known) >= _MAX_KNOWN:
        _known.clear()
    token = _known[raw] = _split(raw)
    return token


def forms(text: str) -> list[str]:
    """All forms of ``text``, as they are indexed: the parts in their order, so that phrases stand together, and then the wholes."""
    found: list[str] = []
    wholes: list[str] = []
    for parts, names in tokens(text):
        found += parts
        wholes += names
    return found + wholes


def words(text: str) -> list[str]:
    """The parts alone."""
    return [part for parts, _ in tokens(text) for part in parts]


def name_key(text: str) -> str:
    """What two ways of writing one name have in common: ``Publishing API``, ``publishing-api`` and ``PublishingApi``."""
    return "".join(words(text))[: MAX_FORM * 3]


def fold(text: str) -> str:
    """Lower case, without accents: ``Größe`` is ``grosse``."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def _split(raw: str) -> Token:
    parts: list[str] = []
    wholes: list[str] = []
    segments = [segment for segment in _OUTER.split(raw) if segment]
    for segment in segments:
        own = [part for piece in _INNER.split(segment) if piece for part in _words_of(piece)]
        if 1 < len(own) <= MAX_PARTS:
            wholes.append(_whole(own))
        for piece in _INNER.split(segment):
            pieces = _words_of(piece)
            if len(pieces) > 1 and len(own) > len(pieces):
                wholes.append(_whole(pieces))
            numbered = _NUMBERED.match(pieces[0]) if len(pieces) == 1 else None
            if numbered is not None:
                wholes.append(numbered[1])
        parts += own
    if len(segments) > 1 and len(parts) <= MAX_PARTS and "'" not in raw:
        wholes.append(_whole(parts))
    return tuple(parts), tuple(dict.fromkeys(wholes))


def _words_of(piece: str) -> list[str]:
    piece = re.sub(r"['’]s$", "", piece).replace("'", "").replace("’", "")
    if not piece:
        return []
    if not piece.isascii() and (wide := _WIDE.search(piece)):
        return _pairs(wide[0]) + [fold(rest) for rest in _WIDE.split(piece) if rest]
    if piece.islower() or piece.isdigit() or _PLURAL.match(piece) or not piece.isascii():
        return [fold(piece)[:MAX_FORM]]
    found = _CAMEL.findall(piece)
    if len(found) < 2 or any(len(part) == 1 for part in found) or any(part.isdigit() for part in found):
        return [piece.lower()[:MAX_FORM]]
    return [part.lower()[:MAX_FORM] for part in found]


def _pairs(text: str) -> list[str]:
    """Scripts without spaces are looked for by pairs of characters."""
    return [text[at : at + 2] for at in range(max(1, len(text) - 1))]


def _whole(parts: Sequence[str]) -> str:
    return "".join(parts)[:MAX_FORM]


def joins(parts: Sequence[str], most: int = 4) -> Iterator[tuple[int, int, str]]:
    """Wholes that neighbours among ``parts`` would make: (first, one after the last, whole)."""
    for size in range(2, most + 1):
        for start in range(len(parts) - size + 1):
            yield start, start + size, _whole(parts[start : start + size])
