"""Texts of cells become names, keys, tags, label values and addresses that an entity may hold.

Every ``clean_`` function returns what was made and a note for people, empty where nothing was changed; ``("", note)`` where
nothing can be made of it. Formats: ``callboard.model.validation``.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from callboard.features.importing.domain.words import say
from callboard.model.validation import is_dns_label, is_kind, is_label_key, is_label_value, is_object_name, is_tag
from callboard.ui.wording import joined

MAX_NAME: Final = 63
_MAX_HEADER: Final = 300
MAX_URL: Final = 8_000

_NOTHING: Final = frozenset(
    [
        "", "-", "--", "---", "—", "–", "n/a", "n.a.", "na", "#n/a", "#ref!", "#value!", "#name?", "#div/0!", "null", "nil",
        "none", "(none)", "nothing", "tbd", "tba", "tbc", "todo", "?", "??", "???", "unknown", "(blank)", "not set",
        "not applicable", "unassigned", "not assigned", "no owner", "nobody", "keine", "keiner", "kein", "k.a.", "unbekannt",
        "aucun", "aucune", "inconnu", "ninguno", "desconocido", "geen", "onbekend",
    ]
)  # fmt: skip
_BLANK: Final = frozenset(
    ["", "-", "--", "---", "—", "–", "n/a", "#n/a", "#ref!", "#value!", "#name?", "#div/0!", "null"]
)
_NO: Final = frozenset(["false", "no", "nein", "non", "falsch", "faux", "0"])
_YES: Final = frozenset(["true", "yes", "ja", "oui", "wahr", "vrai", "x", "✓", "✔", "1"])

_LATIN: Final = {
    "ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "Ae", "ø": "oe",
    "Ø": "Oe", "œ": "oe", "Œ": "Oe", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "þ": "th", "ı": "i", "&": " and ",
}  # fmt: skip
_CYRILLIC: Final = {
    **dict(zip("абвгдеёзийклмнопрстуфхыэі", "abvgdeeziiklmnoprstufhyei", strict=True)),
    "ж": "zh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ь": "", "ю": "yu", "я": "ya", "ї": "i", "є": "e", "ґ": "g",
}  # fmt: skip
_LETTERS: Final = str.maketrans(
    _LATIN | _CYRILLIC | {letter.upper(): text.capitalize() for letter, text in _CYRILLIC.items()}
)
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_WORD: Final = re.compile(r"[^0-9A-Za-z\u00c0-\uffff]+")
_SEPARATOR: Final = re.compile(r"[,;|\n]")
_BULLET: Final = re.compile(r"^(?:[-*•·–]\s+|\d{1,2}[.)]\s+)")
_SPACES: Final = re.compile(r"\s+")
_NOT_IN_URL: Final = re.compile(r"[\s\x00-\x1f\x7f]")
_ONE_URL: Final = re.compile(r"https?://[^\s,;|<>()\x00-\x1f\x7f]+")
_URL: Final = re.compile(r"https?://", re.IGNORECASE)
_URL_START: Final = re.compile(r"(?:https?|mailto|slack|msteams):", re.IGNORECASE)
_BARE_HOST: Final = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}(?::\d+)?(?:[/?#]\S*)?", re.IGNORECASE)
_SCP: Final = re.compile(r"(?:ssh://)?git@([\w.-]+)[:/](?:\d+/)?(.+?)(?:\.git)?/?$")
_SLUG: Final = re.compile(r"[\w.-]+(?:/[\w.-]+)+")
_MARKDOWN_LINK: Final = re.compile(r"\[([^\]\n]*)\]\((\S+?)\)$")


def word_set(text: str) -> frozenset[str]:
    return frozenset(text.split())


def is_nothing(text: str) -> bool:
    """Whether a cell says in words that it says nothing: ``n/a``, ``TBD``, ``-``."""
    return text.strip().casefold() in _NOTHING


def is_blank(text: str) -> bool:
    """Like ``is_nothing``, for cells in which ``none`` or ``unknown`` may well be a value: labels, annotations."""
    return text.strip().casefold() in _BLANK


def is_no(text: str) -> bool:
    return text.strip().casefold() in _NO


def is_yes(text: str) -> bool:
    return text.strip().casefold() in _YES


def one_line(text: str) -> str:
    return _SPACES.sub(" ", text).strip()


def short(text: str, limit: int = 80) -> str:
    """For messages and samples: one line of at most ``limit`` characters."""
    line = one_line(text)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def split_cell(text: str) -> list[str]:
    """What a cell lists: split at ``,`` ``;`` ``|`` and line breaks; bullets and repeats are dropped, order is kept."""
    found: dict[str, None] = {}
    for part in _SEPARATOR.split(text):
        item = _BULLET.sub("", part.strip()).strip()
        if item:
            found[item] = None
    return list(found)


def spaced(header: str) -> str:
    """A header without the number of a repeat, and with blanks in it if capitals are all that parts its words."""
    text = re.sub(r"\s?\(\d+\)$", "", one_line(header[:_MAX_HEADER]))
    return text if re.search(r"[^0-9A-Za-z\u00c0-\uffff]", text) else _CAMEL.sub(" ", text)


@lru_cache(maxsize=4096)
def words_of(header: str) -> tuple[str, ...]:
    """The words of a header in lower case: ``repoName (2)`` is ``repo``, ``name``."""
    return tuple(_NOT_WORD.sub(" ", spaced(header)).casefold().split())


def to_ascii(text: str) -> tuple[str, bool]:
    """In letters a to z, and whether letters were lost that have no counterpart there."""
    if text.isascii():
        return text.replace("&", " and "), False
    spread = unicodedata.normalize("NFKD", unicodedata.normalize("NFC", text).translate(_LETTERS))
    kept = [c for c in spread if c.isascii()]
    lost = any(c.isalnum() for c in spread if not c.isascii())
    return "".join(kept), lost


def _digest(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()[:8]


def clean_name(text: str) -> tuple[str, str]:
    """A name for an entity: kept as it is where it can be one, else in small letters with ``-`` between words.

    Of an address or a slug (``org/repo``) the last part is taken. What is too long, or loses letters that have no
    counterpart in a to z, gets eight characters made from the whole text, so that two such names stay two.
    """
    if is_object_name(text):
        return text, ""
    return _clean_name(text)


@lru_cache(maxsize=65_536)
def _clean_name(text: str) -> tuple[str, str]:
    source = text.strip()
    notes = []
    tail = _last_part(source)
    if tail is not None:
        source = tail
        if is_object_name(source):
            return source, say("importing.note.last_part_of", name=source, text=short(text))
        notes.append(say("importing.note.last_part"))
    ascii_text, lost = to_ascii(source)
    name = re.sub(r"-{2,}", "-", re.sub(r"[^a-z0-9_.]+", "-", ascii_text.lower())).strip("-_.")
    if lost or len(name) > MAX_NAME:
        name = f"{name[: MAX_NAME - 9].rstrip('-_.')}-{_digest(source)}".lstrip("-")
        notes.append(say("importing.note.letters") if lost else say("importing.note.cut", n=MAX_NAME))
    if not name:
        return "", say("importing.note.no_letters", text=short(text))
    if not lost and name != source.lower():
        notes.append(say("importing.note.names_hold"))
    written = say("importing.note.written", text=short(text), value=name)
    return name, joined(": ", [written, joined(", ", notes)]) if notes else written


def _last_part(text: str) -> str | None:
    """The last part of an address, a repository or a path; None where the text is none of these."""
    scp = _SCP.match(text)
    if scp:
        return scp.group(2).rsplit("/", 1)[-1]
    if _URL.match(text) and not _SPACES.search(text):
        parts = urlsplit_or_none(text)
        if parts is None:
            return None
        segments = [s for s in parts[1].split("/") if s]
        return segments[-1].removesuffix(".git") if segments else parts[0]
    if _SLUG.fullmatch(text):
        return text.rsplit("/", 1)[-1].removesuffix(".git")
    return None


def urlsplit_or_none(text: str) -> tuple[str, str] | None:
    """Host (without user and port) and path, or None for what only looks like an address."""
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        return None
    return (host, parts.path) if host else None


@lru_cache(maxsize=65_536)
def clean_tag(text: str) -> tuple[str, str]:
    """A tag: small letters, digits, ``:`` ``+`` ``#``, with ``-`` between."""
    if is_tag(text):
        return text, ""
    ascii_text, _lost = to_ascii(text)
    tag = re.sub(r"[^a-z0-9:+#]+", "-", ascii_text.lower()).strip("-")[:MAX_NAME].rstrip("-")
    return (
        (tag, say("importing.note.written", text=short(text), value=tag))
        if tag
        else ("", say("importing.note.no_tag_of", text=short(text)))
    )


@lru_cache(maxsize=65_536)
def clean_label_value(text: str) -> tuple[str, str]:
    """A value of a label: letters, digits, ``-`` ``_`` ``.``, at most 63; capitals are kept."""
    if is_label_value(text):
        return text, ""
    ascii_text, _lost = to_ascii(text)
    value = re.sub(r"[^A-Za-z0-9_.]+", "-", ascii_text).strip("-_.")[:MAX_NAME].rstrip("-_.")
    if not value:
        return "", say("importing.note.no_label", text=short(text))
    return value, say("importing.note.written", text=short(text), value=value)


@lru_cache(maxsize=4096)
def clean_key(text: str) -> str:
    """The key of an annotation or label made from a header; empty where there is none."""
    if "/" in text and is_label_key(text):
        return text
    ascii_text, lost = to_ascii(spaced(text))
    key = re.sub(r"[^a-z0-9.]+", "-", ascii_text.lower()).strip("-.")
    if lost or len(key) > MAX_NAME:
        key = f"{key[: MAX_NAME - 9].rstrip('-.')}-{_digest(text)}".lstrip("-")
    return key


@lru_cache(maxsize=4096)
def clean_namespace(text: str) -> tuple[str, str]:
    if is_dns_label(text):
        return text, ""
    ascii_text, _lost = to_ascii(text)
    name = re.sub(r"[^a-z0-9]+", "-", ascii_text.lower()).strip("-")[:MAX_NAME].rstrip("-")
    return (
        (name, say("importing.note.written", text=short(text), value=name))
        if name
        else ("", say("importing.note.no_namespace", text=short(text)))
    )


_KIND_WORDS: Final[tuple[tuple[str, str, str], ...]] = (
    ("Component", "", "component|components|komponente|composant"),
    ("Component", "service", "service|services|microservice|micro service|app|application|backend"),
    ("Component", "website", "website|web site|frontend|web app|webapp|ui"),
    ("Component", "library", "library|libraries|lib|package|gem|sdk"),
    ("API", "", "api|apis|interface"),
    ("Resource", "", "resource|resources"),
    ("Resource", "database", "database|databases|db"),
    *(("Resource", word, word) for word in ("bucket", "queue", "cluster", "topic", "cache")),
    ("System", "", "system|systems"),
    ("Domain", "", "domain|domains"),
    ("Group", "", "group|groups|team|teams|squad"),
    ("User", "", "user|users|person|people"),
    ("Location", "", "location|locations"),
    ("Template", "", "template|templates"),
)
_KINDS: Final = {word: (kind, type_) for kind, type_, words in _KIND_WORDS for word in words.split("|")}
KIND_NAMES: Final = frozenset(
    ["component", "api", "resource", "system", "domain", "group", "user", "location", "template"]
)


def kind_of_word(word: str) -> tuple[str, str]:
    """Kind and type that a word in small letters stands for; empty where it stands for none."""
    return _KINDS.get(word, ("", ""))


def clean_kind(text: str) -> tuple[str, str, str]:
    """The kind, the type that the word implies besides (``Database`` is a Resource of type ``database``), and a note."""
    known = _KINDS.get(one_line(text).casefold())
    if known is not None:
        kind, implied = known
        return kind, implied, "" if kind == text else say("importing.note.for_kind", text=short(text), kind=kind)
    if is_kind(text):
        return text, "", ""
    ascii_text, _lost = to_ascii(text)
    kind = "".join(word[:1].upper() + word[1:] for word in re.split(r"[^A-Za-z0-9]+", ascii_text)).lstrip("0123456789")
    if not is_kind(kind):
        return "", "", say("importing.note.no_kind", text=short(text))
    return kind, "", say("importing.note.written", text=short(text), value=kind)


_LIFECYCLE_WORDS: Final = {
    "production": "production|prod|live|active|ga|in production|in use|released|running|produktiv|aktiv|operational",
    "experimental": (
        "experimental|experiment|alpha|beta|poc|prototype|pilot|incubating|development|in development|dev|in entwicklung|preview"
    ),
    "deprecated": (
        "deprecated|retired|sunset|decommissioned|decommissioning|end of life|eol|legacy|obsolete|phase out|archived|abgekündigt"
    ),
}
_LIFECYCLES: Final = {word: lifecycle for lifecycle, words in _LIFECYCLE_WORDS.items() for word in words.split("|")}


def _lifecycle_key(text: str) -> str:
    return " ".join(text.casefold().replace("-", " ").replace("_", " ").split())


def clean_lifecycle(text: str) -> tuple[str, str]:
    """``production``, ``experimental`` or ``deprecated`` where the word means one of them, else the word itself."""
    known = _LIFECYCLES.get(_lifecycle_key(text))
    if known is None or known == text:
        return one_line(text), ""
    return known, say("importing.note.written", text=short(text), value=known)


def is_lifecycle(text: str) -> bool:
    return _lifecycle_key(text) in _LIFECYCLES


# ---- addresses ---------------------------------------------------------------------------------------------------------


class Link(NamedTuple):
    url: str
    title: str = ""


def clean_url(text: str) -> tuple[str, str]:
    """A web or mail address; ``https://`` is put before a bare host. Scripts, files and everything else are refused."""
    url = text.strip().strip("<>").strip()
    if len(url) > MAX_URL or _NOT_IN_URL.search(url):
        return "", say("importing.note.no_address", text=short(text))
    if _URL.match(url):
        return (url, "") if urlsplit_or_none(url) else ("", say("importing.note.no_address", text=short(text)))
    if _URL_START.match(url):
        return url, ""
    if _BARE_HOST.fullmatch(url):
        return f"https://{url}", say("importing.note.https")
    if "@" in url and re.fullmatch(r"[^@\s:/]+@[\w.-]+\.\w+", url):
        return f"mailto:{url}", say("importing.note.mail")
    return "", say("importing.note.not_opened", text=short(text))


def find_links(text: str) -> tuple[list[Link], list[str]]:
    """The links of a cell and what is no address in it. Commas inside of an address stay: only those before one split.

    ``Title: https://…``, ``[Title](https://…)`` and ``Title https://…`` name the link.
    """
    if _ONE_URL.fullmatch(text) and len(text) <= MAX_URL and urlsplit_or_none(text):
        return [Link(text)], []
    links: dict[str, Link] = {}
    bad: list[str] = []
    for piece in re.split(r"\n|[,;|]\s+(?=[^\s,;|])|[,;|](?=https?://)", text):
        item = _BULLET.sub("", piece.strip()).rstrip(",;|").strip()
        if not item:
            continue
        for link in _links_of(item):
            url, _note = clean_url(link.url)
            if url:
                links.setdefault(url, Link(url, link.title))
            else:
                bad.append(item)
    return list(links.values()), bad


def _links_of(item: str) -> list[Link]:
    markdown = _MARKDOWN_LINK.match(item)
    if markdown:
        return [Link(markdown.group(2), markdown.group(1).strip())]
    words = item.split()
    urls = [word for word in words if _URL.match(word.lstrip("<("))]
    if len(words) == 1 or not urls:
        return [Link(item)]
    if len(urls) > 1:
        return [Link(url.strip("<>()")) for url in urls]
    title = one_line(" ".join(word for word in words if word is not urls[0])).rstrip(":-–— ").strip("() ")
    return [Link(urls[0].strip("<>"), title)]


class Repository(NamedTuple):
    """Where code lives: ``url`` without a slash at its end, ``slug`` (``org/repo``), ``host``."""

    url: str
    slug: str
    host: str


def find_repository(text: str, host: str = "") -> Repository | None:
    """A repository from an address, ``git@host:org/repo.git``, or a slug below ``host`` (``https://github.com/alphagov``)."""
    source = text.strip()
    scp = _SCP.match(source)
    if scp:
        return _repository(scp.group(1), scp.group(2))
    if _URL.match(source):
        parts = None if _SPACES.search(source) else urlsplit_or_none(source)
        return _repository(parts[0], parts[1]) if parts else None
    if re.match(r"(?:www\.)?(?:github|gitlab|bitbucket)\.\w+/", source, re.IGNORECASE):
        name, _slash, path = source.partition("/")
        return _repository(name.removeprefix("www."), path)
    if not host or not re.fullmatch(r"[\w.-]+(?:/[\w.-]+)*", source):
        return None
    base = urlsplit_or_none(host if _URL.match(host) else f"https://{host}")
    if base is None:
        return None
    organisation = base[1].strip("/")
    path = source if "/" in source or not organisation else f"{organisation}/{source}"
    return _repository(base[0], path) if "/" in path else None


def _repository(host: str, path: str) -> Repository | None:
    path = re.split(
        r"/(?:-/)?(?:tree|blob|src|raw|issues|pulls?|actions|wiki)(?:/|$)", path.strip("/") + "/", maxsplit=1
    )[0]
    slug = path.strip("/").removesuffix(".git")
    if "/" not in slug or not re.fullmatch(r"[\w.~-]+(?:/[\w.~%-]+)+", slug):
        return None
    return Repository(f"https://{host.lower()}/{slug}", slug, host.lower())


def is_repository_address(text: str) -> bool:
    """Whether a text is an address at a host of code, with an organisation and a repository in it."""
    if _SCP.match(text.strip()):
        return True
    found = find_repository(text)
    if found is None or not text.strip().rstrip("/").removesuffix(".git").endswith(found.slug):
        return False  # an address inside of a repository: a document, an issue
    if not re.search(r"github|gitlab|bitbucket|gitea|codeberg|dev\.azure|(?:^|\.)git\.", found.host):
        return False
    return len(found.slug.split("/")) >= 2 and not re.search(r"\.(?:io|pages)\b", found.host)


def is_url(text: str) -> bool:
    """Whether a text begins as a web address does."""
    return _URL.match(text.strip()) is not None
