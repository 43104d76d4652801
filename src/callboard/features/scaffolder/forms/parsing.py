"""What a submitted page says, read into answers by the fields that the page had. Pure.

An answer that was not touched stays exactly as it was, also where the form writes it in another way.
"""

from __future__ import annotations

import base64
import copy
import math
import re
from dataclasses import dataclass, field
from typing import Any, Mapping, Protocol, Sequence

from callboard.features.scaffolder.forms.model import Field, FormPage, Known
from callboard.features.scaffolder.forms.paths import MISSING, Path, format_name, get, put
from callboard.features.scaffolder.forms.repositories import format_repository, parse_repository
from callboard.features.scaffolder.forms.schemas import may_be_null, option, type_of
from callboard.features.scaffolder.forms.writing import format_data, format_moment, format_number, written

MAX_TEXT, MAX_ROWS = 400_000, 300
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?(\.\d{1,6})?")


class Sent(Protocol):
    """Fields of a form by name; ``getlist`` gives all of one name."""

    def get(self, key: str, default: Any, /) -> Any: ...

    def getlist(self, key: Any) -> Sequence[Any]: ...


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it was sent."""

    name: str
    type: str
    content: bytes

    @property
    def data_url(self) -> str:
        from urllib.parse import quote

        body = base64.b64encode(self.content).decode()
        return f"data:{self.type or 'application/octet-stream'};name={quote(self.name)};base64,{body}"


@dataclass(slots=True)
class Answers:
    """What people said so far. ``values`` of all pages; ``secrets`` by their names; ``passwords`` by the names of their fields."""

    values: dict[str, Any] = field(default_factory=dict)
    known: Known = field(default_factory=Known)
    secrets: dict[str, str] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)


def read_page(
    page: FormPage, sent: Sent, answers: Answers, uploads: Mapping[str, Sequence[Upload]] | None = None
) -> Answers:
    """``answers`` with what the page says now."""
    out = Answers(
        copy.deepcopy(dict(page.values)),
        Known(set(answers.known.cleared), dict(answers.known.chosen), dict(answers.known.hosts)),
        dict(answers.secrets),
        dict(answers.passwords),
    )
    reading = _Reading(sent, out, uploads or {})
    for one in page.walk():
        reading.read(one)
    return out


class _Reading:
    def __init__(self, sent: Sent, out: Answers, uploads: Mapping[str, Sequence[Upload]]) -> None:
        self._sent = sent
        self._out = out
        self._uploads = uploads

    def _text(self, name: str) -> str:
        value = self._sent.get(name, "")
        return value[:MAX_TEXT].replace("\r\n", "\n") if isinstance(value, str) else ""

    def read(self, field: Field) -> None:
        if field.variant is not None:
            chosen = self._text(f"{field.name}:variant")
            if chosen.isdecimal() and int(chosen) < len(field.variant.titles):
                self._out.known.chosen[field.name] = int(chosen)
        if field.is_locked or field.kind in ("hidden", "constant", "object", "list"):
            return
        value = self._value(field)
        if value is KEEP:
            return
        put(self._out.values, field.path, value)
        cleared = self._out.known.cleared
        cleared.discard(field.name)
        if value is MISSING:
            cleared.add(field.name)

    def _value(self, field: Field) -> Any:
        name = field.name
        match field.kind:
            case "flag":
                return self._flag(field)
            case "choice":
                return self._choice(field)
            case "choices":
                sent = [str(one) for one in self._sent.getlist(name)]
                known = [choice.value for choice in field.choices if choice.text in sent]
                return [one for one in known if one is not None or may_be_null(field.schema)]
            case "number":
                return self._number(field)
            case "data":
                return self._data(field)
            case "map":
                return self._map(field)
            case "file":
                return self._file(field)
            case "secret" | "password":
                return self._hidden(field)
            case "repository":
                return self._repository(field)
            case "entities" | "tags":
                return self._many(field)
        return self._plain(field)

    def _plain(self, field: Field) -> Any:
        text = self._text(field.name)
        if field.value is not MISSING and text == written(field):
            return KEEP
        if not text.strip() and field.kind != "long":
            text = text.strip()
        if text == "":
            return _empty(field)
        if field.input == "datetime-local" and _MOMENT.fullmatch(text):
            return format_moment(text)
        return text.strip() if field.kind in ("entity", "name", "branch", "repository-owner") else text

    def _flag(self, field: Field) -> Any:
        if self._text(field.name):
            return True
        was_said = isinstance(field.value, bool) or "default" in field.schema or field.is_required
        return False if was_said else MISSING

    def _choice(self, field: Field) -> Any:
        text = self._text(field.name)
        found = next((choice for choice in field.choices if choice.text == text), None)
        return _empty(field) if found is None else found.value

    def _number(self, field: Field) -> Any:
        text = self._text(field.name).strip()
        if not isinstance(field.value, str) and field.value is not MISSING and text == format_number(field.value):
            return KEEP
        return _empty(field) if not text else read_number(text, type_of(field.schema))

    def _data(self, field: Field) -> Any:
        text = self._text(field.name)
        if text.strip() == written(field).strip():
            return KEEP
        return _empty(field) if not text.strip() else read_data(text)

    def _map(self, field: Field) -> Any:
        found: dict[str, Any] = {}
        extra = field.schema.get("additionalProperties")
        rows = self._text(f"{field.name}:rows")
        for index in range(min(int(rows), MAX_ROWS) if rows.isdecimal() and len(rows) < 5 else 0):
            key, text = self._text(f"{field.name}:key{index}").strip(), self._text(f"{field.name}:value{index}")
            if not key and not text:
                continue
            type = type_of(extra) if isinstance(extra, Mapping) else "string"
            found[key] = (
                read_number(text, type)
                if type in ("integer", "number")
                else text == "true"
                if type == "boolean"
                else text
            )
        return found

    def _file(self, field: Field) -> Any:
        files = [one.data_url for one in self._uploads.get(field.name, ()) if one.name]
        if type_of(field.schema) == "array":
            kept = field.value if isinstance(field.value, list) else []
            dropped = {str(one) for one in self._sent.getlist(f"{field.name}:drop")}
            return [one for n, one in enumerate(kept) if str(n) not in dropped] + files
        if files:
            return files[0]
        return MISSING if self._text(f"{field.name}:drop") else KEEP

    def _hidden(self, field: Field) -> Any:
        """Secrets and passwords: an empty field leaves what was typed before, unless its box is checked."""
        text = self._text(field.name)
        secret, key = field.kind == "secret", str(field.path[-1])
        held = self._out.secrets if secret else self._out.passwords
        name = key if secret else field.name
        if text:
            held[name] = text
            return "*" * len(text) if secret else text
        if self._text(f"{field.name}:drop"):
            held.pop(name, None)
            return MISSING
        return KEEP

    def _repository(self, field: Field) -> Any:
        before = parse_repository(field.value)
        host = self._text(f"{field.name}:host").strip() or before.get("host", "")
        self._out.known.hosts[field.name] = host
        parts = {"host": host}
        for part in ("owner", "repo", "organization", "workspace", "project"):
            said = self._text(f"{field.name}:{part}").strip().strip("/")
            if said:
                parts[part] = said
        token, key = self._text(f"{field.name}:token"), token_key(field)
        if token and key:
            self._out.secrets[key] = token
        if field.value is not MISSING and {name: one for name, one in parts.items() if one} == before:
            return KEEP
        return format_repository(parts) or MISSING

    def _many(self, field: Field) -> Any:
        kept = [str(one)[:MAX_TEXT] for one in self._sent.getlist(field.name) if str(one).strip()]
        more = self._text(f"{field.name}:new")
        split = re.split(r"[,\s]+", more) if field.kind == "tags" else more.split(",")
        found = list(dict.fromkeys([*kept, *(one.strip() for one in split if one.strip())]))
        before = field.value if isinstance(field.value, list) else []
        return KEEP if found == before and field.value is not MISSING else found


class _Keep:
    pass


KEEP = _Keep()


def _empty(field: Field) -> Any:
    """What an empty field means: ``ui:emptyValue`` where it is said, null for one that was null, else nothing at all."""
    empty = option(field.schema, "emptyValue", MISSING)
    if empty is not MISSING:
        return empty
    if may_be_null(field.schema) and (field.value is None or field.is_required):
        return None
    return MISSING


def token_key(field: Field) -> str:
    """The name of the secret that takes the access token of a RepoUrlPicker; empty where none is asked."""
    asked = option(field.schema, "requestUserCredentials")
    return str(asked.get("secretsKey") or "") if isinstance(asked, Mapping) else ""


def read_number(text: str, type: str) -> Any:
    """An int or a float; text that is neither, or has a fraction that it may not have, stays: the check says what is wrong."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        value = float(text)
    except ValueError:
        return text
    if not math.isfinite(value):
        return text
    return int(value) if value.is_integer() and type == "integer" else value


def read_data(text: str) -> Any:
    """YAML or JSON; text that is neither stays as it is."""
    import yaml

    try:
        value = yaml.load(text, Loader=yaml.CSafeLoader)
        format_data(value)  # dates and the like are no JSON
    except (yaml.YAMLError, TypeError, ValueError, RecursionError):
        return text
    return value


def move(answers: Answers, field: Field, what: str, index: int) -> None:
    """Add, remove, or carry up and down an item of a list (the rendered ``field`` of ``answers``)."""
    path: Path = field.path
    items = get(answers.values, path)
    items = list(items) if isinstance(items, list) else []
    while len(items) < len(field.fields):
        items.append(None)
    if what == "add" and field.can_add:
        items.append(_new_item(field))
        _forget(answers, (*path, len(items) - 1))
    elif what == "remove" and field.can_remove and index < len(items):
        items.pop(index)
        _forget(answers, (*path, len(items)))
    elif what in ("up", "down") and field.can_order:
        other = index + (1 if what == "down" else -1)
        if 0 <= other < len(items) and index < len(items):
            items[index], items[other] = items[other], items[index]
    put(answers.values, path, items)


def _new_item(field: Field) -> Any:
    items = field.schema.get("items")
    if isinstance(items, list):
        items = field.schema.get("additionalItems")
    if not isinstance(items, Mapping):
        return None
    return copy.deepcopy(items.get("default"))


def _forget(answers: Answers, path: Path) -> None:
    name = format_name(path)
    known = answers.known
    known.cleared = {one for one in known.cleared if one != name and not one.startswith(f"{name}/")}
    known.chosen = {one: n for one, n in known.chosen.items() if one != name and not one.startswith(f"{name}/")}
    answers.passwords = {
        one: v for one, v in answers.passwords.items() if one != name and not one.startswith(f"{name}/")
    }
