"""Addresses at source hosts that pages offer: a line of a file, and an issue that is begun."""

from __future__ import annotations

from urllib.parse import quote, urlencode, urlsplit

from callboard.model.urls import Hosts, find_repository, host_kind

MAX_BODY = 1_500
"""Characters of an issue's text: hosts and browsers refuse very long addresses."""


def line_url(url: str | None, line: int | None, hosts: Hosts) -> str | None:
    """The line of the file at ``url``; the file where the host has no address for lines."""
    if url is None or line is None:
        return url
    kind = host_kind(url, hosts)
    bare = url.partition("#")[0]
    if kind in ("github", "gitlab", "gitea"):
        if kind == "github" and bare.endswith(".md") and "?" not in bare:
            bare += "?plain=1"  # else the host shows the page, where lines have no numbers
        return f"{bare}#L{line}"
    if kind == "bitbucketServer":
        return f"{bare}#{line}"
    if kind == "bitbucketCloud":
        return f"{bare}#lines-{line}"
    if kind == "azure":
        return f"{bare}&line={line}&lineEnd={line + 1}&lineStartColumn=1&lineEndColumn=1"
    return url


def issue_url(url: str | None, title: str, body: str, hosts: Hosts) -> str | None:
    """Where an issue in the repository of the file at ``url`` is begun, with these words; None where that has no address."""
    kind = host_kind(url, hosts) if url else None
    repository = find_repository(url, hosts) if url and kind else None
    if url is None or kind is None or repository is None:
        return None
    parts = urlsplit(url)
    at = f"{parts.scheme}://{parts.netloc}/{'/'.join(quote(part) for part in repository.owner.split('/'))}/{quote(repository.name)}"
    text = body[:MAX_BODY]
    if kind in ("github", "gitea"):
        return f"{at}/issues/new?{urlencode({'title': title, 'body': text})}"
    if kind == "gitlab":
        return f"{at}/-/issues/new?{urlencode({'issue[title]': title, 'issue[description]': text})}"
    if kind == "azure":
        base = at.rpartition("/")[0]
        asked = {"[System.Title]": title, "[System.Description]": text}
        return f"{base}/_workitems/create/Issue?{urlencode(asked)}"
    return None
