"""Whether two addresses lie in one repository: of a site's source, and of what a push names."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from callboard.model.urls import Hosts, find_repository


def repository_key(url: str, hosts: Hosts) -> str | None:
    """Host, owner and name in lower case; of ``git+`` addresses and unknown hosts the address of the clone; None for no URL."""
    is_git = url.startswith("git+")
    plain = url.removeprefix("git+").partition("#")[0]
    if not is_git and (found := find_repository(plain, hosts)) is not None:
        return f"{found.host}/{found.owner}/{found.name}".lower()
    try:
        parts = urlsplit(plain)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https", "file"):
        return None
    path = unquote(parts.path).strip("/").removesuffix(".git")
    return f"{parts.netloc.rpartition('@')[2]}/{path}".lower()
