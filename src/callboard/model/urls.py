"""URLs as catalogs use them: resolve a reference beside a file, find its repository, the page that edits it.

Relative references follow the URL standard (WHATWG), as browsers and Node do, not RFC 3986: backslashes are slashes, blanks
at the ends and line breaks are dropped, ``../`` stops at the root. On top come the habits of each kind of host: GitHub
turns ``/blob/`` into ``/tree/``, Azure keeps the path in a parameter, a leading slash means the root of the repository.

Sources: Backstage integration package (``resolveUrl``, ``resolveEditUrl``) and the results in the corpus of real files.
"""

from __future__ import annotations

import re
from typing import Literal, Mapping, NamedTuple
from urllib.parse import SplitResult, parse_qsl, quote_plus, urlencode, urlsplit

HostKind = Literal["github", "gitlab", "bitbucketCloud", "bitbucketServer", "azure", "gitea", "gerrit", "other"]
Hosts = Mapping[str, HostKind]
"""Host (with port, if not the default one) to the kind of software that runs there."""

DEFAULT_HOSTS: Hosts = {
    "github.com": "github",
    "gitlab.com": "gitlab",
    "bitbucket.org": "bitbucketCloud",
    "dev.azure.com": "azure",
    "gitea.com": "gitea",
}

_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.\-]*:")
_SPECIAL_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443, "ftp": 21, "file": None}
_PATH_ESCAPES = re.compile(r"[^\x21\x24-\x3b\x3d\x40-\x5f\x61-\x7a\x7c\x7e]")
_QUERY_ESCAPES = re.compile(r"[^\x21\x24-\x26\x28-\x3b\x3d\x3f-\x7e]")
_FRAGMENT_ESCAPES = re.compile(r"[^\x21\x23-\x3b\x3d\x3f-\x5f\x61-\x7e]")
_FORBIDDEN_HOST = re.compile(r"[\x00-\x20#/:<>?@\[\\\]^|%\x7f]")
_SINGLE_DOT = frozenset((".", "%2e"))
_DOUBLE_DOT = frozenset(("..", ".%2e", "%2e.", "%2e%2e"))


class UrlError(ValueError):
    """A text that is no URL, or not one that can be resolved."""


class Url(NamedTuple):
    """A parsed special URL (http, https, file …). ``search`` and ``hash`` bring their ``?`` and ``#`` or are empty."""

    scheme: str
    credentials: str
    host: str
    path: str
    search: str
    hash: str

    def __str__(self) -> str:
        at = f"{self.credentials}@" if self.credentials else ""
        return f"{self.scheme}://{at}{self.host}{self.path}{self.search}{self.hash}"


def _escape(pattern: re.Pattern[str], text: str) -> str:
    if not pattern.search(text):
        return text
    return pattern.sub(lambda m: "".join(f"%{b:02X}" for b in m.group().encode("utf-8", "replace")), text)


def _trim(text: str) -> str:
    text = text.strip("".join(map(chr, range(0x21))))
    return re.sub(r"[\t\r\n]", "", text) if re.search(r"[\t\r\n]", text) else text


def split_http(url: str) -> SplitResult | None:
    """The parts of an http(s) URL with a host, as they are written; None for any other text."""
    try:
        parts = urlsplit(url)
    except ValueError:  # brackets that hold no address
        return None
    return parts if parts.scheme in ("http", "https") and parts.netloc else None


def is_absolute(text: str) -> bool:
    """Whether ``text`` is a URL by itself, as ``new URL(text)`` decides: ``mailto:a`` and ``localhost:80`` are."""
    text = _trim(text)
    match = _SCHEME.match(text)
    if not match:
        return False
    scheme = match.group()[:-1].lower()
    if scheme not in _SPECIAL_PORTS:
        return not text[match.end() :].startswith("//") or _opaque_host_ok(text[match.end() + 2 :])
    if scheme == "file":
        return True
    try:
        parse_url(text)
    except UrlError:
        return False
    return True


def _opaque_host_ok(rest: str) -> bool:
    host = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    host, _, port = host.partition(":") if not host.startswith("[") else (host, "", "")
    return not re.search(r"[\x00 #/<>?@\[\\\]^|]", host.strip("[]")) and (not port or port.isdigit())


def parse_url(text: str) -> Url:
    """Read an absolute URL of a special scheme, normalised as the URL standard does.

    Raises:
        UrlError: no such scheme, no host, or a host or port that cannot be.
    """
    text = _trim(text)
    match = _SCHEME.match(text)
    scheme = match.group()[:-1].lower() if match else ""
    if match is None or scheme not in _SPECIAL_PORTS:
        raise UrlError(f"Invalid URL: {text[:200]}")
    rest = text[match.end() :]
    rest, hash_mark, fragment = rest.partition("#")
    rest, mark, query = rest.partition("?")
    rest = rest.replace("\\", "/")
    if scheme == "file":
        authority, path = ("", rest) if not rest.startswith("//") else _split_authority(rest[2:])
    else:
        authority, path = _split_authority(rest.lstrip("/"))
    credentials, _, host = authority.rpartition("@")
    if scheme != "file" or host:
        host = _host(host, scheme, text)
    return Url(
        scheme, credentials, host, _normal_path(path, []),
        _search(query) if mark and query else "",
        "#" + _escape(_FRAGMENT_ESCAPES, fragment) if hash_mark and fragment else "",
    )  # fmt: skip


def _search(query: str) -> str:
    return "?" + _escape(_QUERY_ESCAPES, query)


def _split_authority(rest: str) -> tuple[str, str]:
    authority, slash, path = rest.partition("/")
    return authority, slash + path


def _host(host: str, scheme: str, text: str) -> str:
    port = ""
    if host.startswith("["):
        name, bracket, tail = host.partition("]")
        name += bracket
        if not bracket or not re.fullmatch(r"\[[0-9a-fA-F:.]+\]", name) or (tail and not tail.startswith(":")):
            raise UrlError(f"Invalid URL: {text[:200]}")
        port = tail[1:]
    else:
        name, _, port = host.partition(":")
        if "%" in name:
            from urllib.parse import unquote

            name = unquote(name, errors="replace")
        if not name or _FORBIDDEN_HOST.search(name):
            raise UrlError(f"Invalid URL: {text[:200]}")
        if not name.isascii():
            try:
                name = name.encode("idna").decode("ascii")
            except UnicodeError as error:
                raise UrlError(f"Invalid URL: {text[:200]}") from error
        last = name.removesuffix(".").rpartition(".")[2]
        if last.isdigit() or last[:2].lower() == "0x":
            name = _ipv4(name.removesuffix("."), text)
    if port:
        if not (port.isascii() and port.isdigit()) or len(port) > 10 or int(port) > 65535:
            raise UrlError(f"Invalid URL: {text[:200]}")
        if int(port) != _SPECIAL_PORTS[scheme]:
            return f"{name.lower()}:{int(port)}"
    return name.lower()


def _ipv4(name: str, text: str) -> str:
    """The dotted form of an address in any spelling that browsers take: 127.1, 0x7f.1 and 2130706433 are 127.0.0.1."""
    numbers = []
    for part in name.split("."):
        try:
            if part[:2].lower() == "0x":
                numbers.append(int(part[2:] or "0", 16))
            else:
                numbers.append(int(part, 8) if part[:1] == "0" and len(part) > 1 else int(part, 10))
        except ValueError:
            raise UrlError(f"Invalid URL: {text[:200]}") from None
    *head, tail = numbers
    if len(numbers) > 4 or any(number > 255 for number in head) or not 0 <= tail < 256 ** (5 - len(numbers)):
        raise UrlError(f"Invalid URL: {text[:200]}")
    address = sum(number << (24 - 8 * i) for i, number in enumerate(head)) + tail
    return ".".join(str(address >> shift & 255) for shift in (24, 16, 8, 0))


def _normal_path(path: str, base: list[str]) -> str:
    segments = list(base)
    parts = path.split("/")
    if path.startswith("/"):
        parts = parts[1:]
    last = len(parts) - 1
    for index, part in enumerate(parts):
        low = part.lower()
        if low in _DOUBLE_DOT:
            if segments:
                segments.pop()
            if index == last:
                segments.append("")
        elif low in _SINGLE_DOT:
            if index == last:
                segments.append("")
        else:
            segments.append(_escape(_PATH_ESCAPES, part))
    return "/" + "/".join(segments)


def join_url(reference: str, base: str) -> str:
    """``new URL(reference, base).toString()`` for a base with a host.

    Raises:
        UrlError: the base is no absolute URL, or the result has no valid host.
    """
    if is_absolute(reference):
        text = _trim(reference)
        scheme = text[: text.index(":")].lower()
        return str(parse_url(text)) if scheme in _SPECIAL_PORTS else text
    root = parse_url(base)
    text, hash_mark, fragment = _trim(reference).partition("#")
    hash_ = "#" + _escape(_FRAGMENT_ESCAPES, fragment) if hash_mark and fragment else ""
    text, mark, query = text.partition("?")
    text = text.replace("\\", "/")
    search = _search(query) if mark and query else ""
    if _SCHEME.match(text) and text.split(":", 1)[0].lower() in _SPECIAL_PORTS:
        raise UrlError(f"Invalid URL: {reference[:200]}")
    if text.startswith("//"):
        return str(parse_url(f"{root.scheme}:{text}")._replace(search=search, hash=hash_))
    if text.startswith("/"):
        return str(root._replace(path=_normal_path(text, []), search=search, hash=hash_))
    if text:
        parents = root.path.split("/")[1:-1]
        return str(root._replace(path=_normal_path(text, parents), search=search, hash=hash_))
    return str(root._replace(search=search if mark else root.search, hash=hash_))


# ---- hosts -------------------------------------------------------------------------------------------------------------


def host_kind(url: str, hosts: Hosts = DEFAULT_HOSTS) -> HostKind | None:
    """What runs at the URL's host, None when it is no known one."""
    try:
        return hosts.get(parse_url(url).host)
    except UrlError:
        return None


class Repository(NamedTuple):
    """``filepath`` is what comes after the ref, without a leading slash; empty for the repository itself."""

    host: str
    owner: str
    name: str
    ref: str
    filepath: str


_REPOSITORY_PATHS: dict[str, re.Pattern[str]] = {
    "github": re.compile(r"/([^/]+)/([^/]+?)(?:\.git)?(?:/(?:blob|tree|raw|edit)/([^/]+)(?:/(.*))?)?/?"),
    "gitlab": re.compile(r"/(.+?)/([^/]+?)(?:\.git)?(?:(?:/-)?/(?:blob|tree|raw|edit)/([^/]+)(?:/(.*))?)?/?"),
    "bitbucketCloud": re.compile(r"/([^/]+)/([^/]+?)(?:\.git)?(?:/(?:src|raw)/([^/]+)(?:/(.*))?)?/?"),
    "bitbucketServer": re.compile(r"(?:/.*?)??/(?:projects|users|scm)/([^/]+)/(?:repos/)?([^/]+?)(?:\.git)?(?:/(?:browse|raw)()(?:/(.*))?)?/?"),
    "gitea": re.compile(r"/([^/]+)/([^/]+?)(?:\.git)?(?:/(?:src|raw)/(?:(?:branch|commit|tag)/)?([^/]+)(?:/(.*))?)?/?"),
    "azure": re.compile(r"/(.+?)/_git/([^/]+)()()/?"),
}  # fmt: skip


def find_repository(url: str, hosts: Hosts = DEFAULT_HOSTS) -> Repository | None:
    """The repository that a URL on a known host lies in, or None. A ref is taken to be one path segment."""
    try:
        parsed = parse_url(url)
    except UrlError:
        return None
    kind = hosts.get(parsed.host)
    pattern = _REPOSITORY_PATHS.get(kind or "")
    match = pattern.fullmatch(parsed.path) if pattern else None
    if not match:
        return None
    owner, name, ref, filepath = (part or "" for part in match.groups())
    if kind == "azure":
        query = dict(parse_qsl(parsed.search[1:]))
        ref, filepath = query.get("version", "")[2:], query.get("path", "").lstrip("/")
    elif kind == "bitbucketServer":
        ref = dict(parse_qsl(parsed.search[1:])).get("at", "")
    return Repository(parsed.host, owner, name, ref, filepath)


def same_repository(first: str, second: str, hosts: Hosts = DEFAULT_HOSTS) -> bool:
    """Whether two URLs may be taken for one repository: True also where either is on no known host."""
    if host_kind(first, hosts) is None or host_kind(second, hosts) is None:
        return True
    a, b = find_repository(first, hosts), find_repository(second, hosts)
    if a is None or b is None:
        return parse_url(first).host == parse_url(second).host and a == b
    return (a.host, a.owner.lower(), a.name.lower()) == (b.host, b.owner.lower(), b.name.lower())


_GITHUB_TYPE = re.compile(r"/([^/]+)/([^/]+)/(?:blob|tree|edit)/")
_GITLAB_TYPE = re.compile(r"/-/(?:blob|tree|edit)/")
_COMMIT = re.compile(r"\b[0-9a-f]{40,}\b")


def resolve_url(target: str, base: str, hosts: Hosts = DEFAULT_HOSTS) -> str:
    """``target`` as the file at ``base`` means it: absolute, relative, or from the root of the repository (``/x``).

    The rules are those of the host of ``base``. An absolute target passes as it is, but for GitHub's ``/tree/``.

    Raises:
        UrlError: ``base`` is no absolute URL, or the result is none.
    """
    kind = host_kind(base, hosts)
    if kind == "azure":
        return _resolve_azure(target, base)
    resolved = target if is_absolute(target) else _resolve_default(target, base, hosts)
    if kind == "github":
        return _GITHUB_TYPE.sub(r"/\1/\2/tree/", resolved, count=1)
    return resolved


def _resolve_default(target: str, base: str, hosts: Hosts) -> str:
    root = parse_url(base)
    if target.startswith("/"):
        repository = find_repository(base, hosts)
        filepath = repository.filepath if repository else ""
        prefix = root.path[: len(root.path) - len(filepath)] if filepath else root.path if repository else ""
        path = _normal_path(prefix.rstrip("/") + target, [])
        return str(root._replace(path=path, hash=""))
    return str(parse_url(join_url(target, base))._replace(search=root.search))


def _resolve_azure(target: str, base: str) -> str:
    if is_absolute(target):
        return target
    root = parse_url(base)
    if "/_git/" not in root.path:
        return join_url(target, base)
    query = parse_qsl(root.search[1:], keep_blank_values=True)
    path = parse_url(join_url(target, f"https://a.com{dict(query).get('path', '/')}")).path
    if any(key == "path" for key, _ in query):
        query = [(key, path if key == "path" else value) for key, value in query]
    else:
        query.append(("path", path))
    return str(root._replace(search="?" + urlencode(query, quote_via=quote_plus, safe="*-._"), hash=""))


def find_edit_url(url: str, hosts: Hosts = DEFAULT_HOSTS) -> str | None:
    """The page where a person edits the file at ``url``; None where the URL names a commit, which cannot be edited."""
    if _COMMIT.search(url):
        return None
    kind = host_kind(url, hosts)
    if kind == "github":
        return _GITHUB_TYPE.sub(r"/\1/\2/edit/", url, count=1)
    if kind == "gitlab":
        return _GITLAB_TYPE.sub("/-/edit/", url, count=1)
    if kind == "gitea":
        return url.replace("/src/", "/_edit/", 1)
    if kind == "bitbucketServer":
        return url.split("?", 1)[0]
    if kind == "bitbucketCloud":
        parsed, repository = parse_url(url), find_repository(url, hosts)
        query = [(k, v) for k, v in parse_qsl(parsed.search[1:]) if k not in ("mode", "spa", "at")]
        query += [("mode", "edit"), ("spa", "0"), ("at", repository.ref if repository else "")]
        return str(parsed._replace(search="?" + urlencode(query, quote_via=quote_plus, safe="*-._")))
    return url
