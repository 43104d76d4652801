"""The encoding of a text file, found from its bytes.

A byte order mark decides; else whatever is valid UTF-8 is UTF-8, for hardly anything else happens to be. What remains comes from
programs that save in the encoding of their country. Western ones look alike to a statistical detector in the few accented
letters of an inventory, so they are told apart by which letters come out; other alphabets are left to ``charset-normalizer``.
"""

from __future__ import annotations

import codecs
import re

from callboard.features.importing.interface import UnreadableSheet

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it starts with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CHUNK = 1024 * 1024
_SAMPLE_BYTES = 32_768

_WESTERN = frozenset("äöüßÄÖÜéèêëàâçîïôûùœÉÈÀÇñáíóúÁÍÓÚÑåæøÅÆØãõêÃÕìòý€£§°²³µ®©–—‘’‚“”„…•«»·¿¡½×ºª\u00a0")
_CENTRAL = frozenset("ąćęłńóśźżĄĆĘŁŃÓŚŹŻčďěňřšťůýžáéíúČĎŘŠŤŮÝŽÁÉÍÚőűöüŐŰÖÜäßÄ€§°–—‘’‚“”„…•«»·\u00a0")
_TURKISH = frozenset("ğışçöüĞİŞÇÖÜâîû€§°–—‘’“”…•«»·\u00a0")

# In this order where they fit alike: the first is by far the most common.
_LATIN = (
    ("cp1252", "Windows-1252 (Western European)", _WESTERN),
    ("mac_roman", "Mac Roman", _WESTERN),
    ("cp850", "DOS code page 850", _WESTERN),
    ("cp1250", "Windows-1250 (Central European)", _CENTRAL),
    ("cp1254", "Windows-1254 (Turkish)", _TURKISH),
)
_OTHER_ALPHABETS = (
    "cp1251",
    "koi8_r",
    "cp866",
    "cp1253",
    "cp1255",
    "cp1256",
    "cp932",
    "euc_jp",
    "gb18030",
    "big5",
    "cp949",
)

_RUN = re.compile(rb"[\x80-\xff]+")


def find_encoding(content: bytes, filename: str) -> tuple[str, list[str]]:
    """Name the codec for ``content``, with a note when it had to be guessed.

    Raises:
        UnreadableSheet: It is no text.
    """
    for mark, codec in _MARKS:
        if content.startswith(mark):
            return codec, []
    if b"\x00" in content[:65_536]:
        return _find_wide(content, filename), []
    if _is_utf8(content):
        return "utf-8", []
    valid, broken = _count_utf8(content)
    if valid > 20 * broken:
        places = "place" if broken == 1 else "places"
        return "utf-8", [f"The text is UTF-8 but for {broken} {places}, which show as “\ufffd”."]
    codec, name = _find_legacy(content)
    return codec, [f"The text is not UTF-8 and was read as {name}. If letters look wrong, save the file as CSV UTF-8."]


def _find_wide(content: bytes, filename: str) -> str:
    """UTF-16 without a mark has a zero in every second byte of plain letters; other files with zeros are no text."""
    head = content[:4096]
    even, odd = head[::2].count(0), head[1::2].count(0)
    if odd > 0.4 * len(head[1::2]) and even < 0.05 * len(head):
        return "utf-16-le"
    if even > 0.4 * len(head[::2]) and odd < 0.05 * len(head):
        return "utf-16-be"
    raise UnreadableSheet(
        f"{filename} is not text and no workbook that can be read. Save it as Excel workbook (.xlsx), OpenDocument (.ods) or CSV."
    )


def _is_utf8(content: bytes) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    try:
        for start in range(0, len(content), _CHUNK):
            decoder.decode(content[start : start + _CHUNK], final=start + _CHUNK >= len(content))
    except UnicodeDecodeError:
        return False
    return True


def _count_utf8(content: bytes) -> tuple[int, int]:
    """How many letters beyond ASCII are valid UTF-8, and how many places are not (counting stops at 1,000 of these)."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    valid = broken = 0
    for start in range(0, len(content), _CHUNK):
        text = decoder.decode(content[start : start + _CHUNK], final=start + _CHUNK >= len(content))
        bad = text.count("\ufffd")
        broken += bad
        valid += len(text) - len(text.encode("ascii", "ignore")) - bad
        if broken > 1_000:
            break
    return valid, broken


def _find_legacy(content: bytes) -> tuple[str, str]:
    """Codec and name of an encoding with one byte a letter, or one of East Asia."""
    sample = _sample(content)
    runs = [len(run) for run in _RUN.findall(sample)]
    # In Latin alphabets accented letters stand alone between plain ones; elsewhere whole words are beyond ASCII.
    if sum(runs) >= 2.2 * len(runs):
        found = _detect_alphabet(sample)
        if found:
            return found, f"{found.replace('_', '-').upper()}"
    best, best_score = _LATIN[0][:2], -1.0
    for codec, name, letters in _LATIN:
        beyond = [letter for letter in sample.decode(codec, "replace") if ord(letter) > 127]
        score = sum(letter in letters for letter in beyond) / len(beyond)
        if score > best_score + 0.02:
            best, best_score = (codec, name), score
    return best


def _sample(content: bytes) -> bytes:
    """Lines with letters beyond ASCII, some kilobytes of them."""
    lines: list[bytes] = []
    size = position = 0
    while size < _SAMPLE_BYTES and (run := _RUN.search(content, position)):
        start = max(content.rfind(b"\n", 0, run.start()) + 1, run.start() - 1_000)
        end = content.find(b"\n", run.end())
        end = min(end if end >= 0 else len(content), run.start() + 1_000)
        lines.append(content[start:end])
        size += end - start
        position = max(end, run.start() + 1)
    return b"\n".join(lines)


def _detect_alphabet(sample: bytes) -> str | None:
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_isolation=list(_OTHER_ALPHABETS), enable_fallback=False).best()
    return best.encoding if best is not None else None
