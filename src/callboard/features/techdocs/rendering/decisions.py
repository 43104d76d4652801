"""Architecture decision records: what a list of them shows of each."""

from __future__ import annotations

import re

from callboard.features.techdocs.rendering.config_yaml import parse_front_matter
from callboard.features.techdocs.rendering.files import decoded
from callboard.features.techdocs.rendering.outline import headings_of, plain_inline, title_of_name
from callboard.features.techdocs.rendering.values import DecisionRecord

_FIELD = re.compile(
    r"^[ \t]*(?:[*+-][ \t]+)?(?:\*\*|__)?(status|date|deciders|decision-makers)(?:\*\*|__)?[ \t]*:[ \t]*(?:\*\*|__)?[ \t]*(.*?)[ \t]*$",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"^(?:adr[-_ ]?)?0*(\d{1,6})(?:[.:)\s_-]|$)", re.IGNORECASE)
_DATE = re.compile(r"\b(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})\b")
_DAY_FIRST = re.compile(r"\b(\d{1,2})[./](\d{1,2})[./](\d{4})\b")
_STATUS = re.compile(
    r"proposed|draft|accepted|rejected|deprecated|superseded|supersedes|amended|implemented|in review|declined|decided|done|obsolete|withdrawn|on hold",
    re.IGNORECASE,
)
_BY = re.compile(r"superseded\s+by\s+(.+)", re.IGNORECASE)
_MAX_LINES = 2_000
_MAX_LINE = 1_000


def parse_decision_record(text: bytes, file: str) -> DecisionRecord:
    """Title, number, status and date, from front matter, ``Status:`` lines (MADR) or a ``## Status`` section (Nygard).

    What is not said is None. ``file`` is its path; the number is taken from the title, then from the file's name.
    """
    whole = decoded(text).replace("\r\n", "\n")
    front, body, _ = parse_front_matter(whole)
    lines = body.split("\n")[:_MAX_LINES]
    fields = {str(k).lower(): v for k, v in front.items()}
    for line in lines:
        if len(line) > _MAX_LINE:
            continue
        found = _FIELD.match(line)
        if found and found.group(2) and found.group(1).lower() not in fields:
            fields[found.group(1).lower()] = plain_inline(found.group(2))
    headings = list(headings_of("\n".join(lines)))
    for level, heading, at in headings:
        name = plain_inline(heading).lower().rstrip(":")
        if level > 1 and name in {"status", "date", "deciders"} and name not in fields:
            words = _paragraphs(lines[at + 1 :])
            if words:
                fields[name] = words
    title = next((plain_inline(t) for level, t, _ in headings if level == 1), None) or _word(fields.get("title"))
    name = file.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    number = _NUMBER.match(title or "") or _NUMBER.match(name)
    status_words = _word(fields.get("status")) or ""
    status = _STATUS.search(status_words)
    superseded = _BY.search(status_words)
    return DecisionRecord(
        title=_without_number(title) if title else title_of_name(_without_number(name)),
        number=int(number.group(1)) if number else None,
        status=status.group(0).lower() if status else (status_words.split("\n")[0][:40].lower() or None),
        date=_date(fields.get("date")),
        deciders=_names(fields.get("deciders", fields.get("decision-makers"))),
        superseded_by=superseded.group(1).split("\n")[0].strip() if superseded else None,
    )


def _paragraphs(lines: list[str]) -> str:
    """The text up to the next heading, links as their words. Of several states the last is what holds, so that it comes first."""
    kept: list[str] = []
    for line in lines:
        if line.startswith("#") or re.match(r"^[-=]{3,}\s*$", line):
            break
        if line.strip() and not line.strip().startswith("<!--"):
            kept.append(plain_inline(line.strip().lstrip("*-+ ")))
    superseded = [line for line in kept if _BY.search(line)]
    return "\n".join([*superseded, *(line for line in kept if line not in superseded)])


def _word(value: object) -> str | None:
    return str(value).strip() or None if value is not None and not isinstance(value, (dict, list)) else None


def _without_number(title: str) -> str:
    rest = re.sub(r"^(?:adr[-_ ]?)?\d{1,6}[.:)]?[\s:_-]+", "", title, flags=re.IGNORECASE).strip()
    return rest or title


def _date(value: object) -> str | None:
    text = _word(value) or ""
    found = _DATE.search(text)
    year, month, day = found.groups() if found else ("", "", "")
    if not found:
        day_first = _DAY_FIRST.search(text)
        if not day_first:
            return None
        day, month, year = day_first.groups()
    if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        return None
    return f"{year}-{int(month):02}-{int(day):02}"


def _names(value: object) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(str(v) for v in value[:50])
    text = _word(value)
    return tuple(part.strip() for part in re.split(r"[,;\n]", text) if part.strip())[:50] if text else ()
