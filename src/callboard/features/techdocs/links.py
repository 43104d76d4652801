"""Where a page's file is shown and edited: on its source host, or where the settings say."""

from __future__ import annotations

import posixpath
from urllib.parse import quote

from callboard.features.techdocs.domain import SitePlan
from callboard.model.urls import Hosts, find_edit_url, find_repository, host_kind


def file_links(plan: SitePlan, file: str, version: str | None, hosts: Hosts) -> tuple[str | None, str | None]:
    """(source, edit) addresses of a file of the site; None where nobody knows. A named version is not edited."""
    row = plan.settings
    if row.source_url or row.edit_url:
        path = quote(file)
        source = row.source_url.replace("{path}", path) if row.source_url else None
        return source, row.edit_url.replace("{path}", path) if row.edit_url and version is None else None
    main = plan.mounts[0] if plan.mounts and not plan.mounts[0].name else None
    if main is None or main.source.kind != "tree" or version is not None:
        return None, None
    url = file_url(main.source.place, file, hosts)
    return (url, find_edit_url(url, hosts)) if url else (None, None)


def file_url(folder: str, file: str, hosts: Hosts) -> str | None:
    """The page of ``file`` in the folder at a source host's URL."""
    kind = host_kind(folder, hosts)
    repository = find_repository(folder, hosts) if kind else None
    if kind is None or repository is None:
        return None
    if kind == "azure":
        from urllib.parse import parse_qsl, urlencode, urlsplit

        parts = urlsplit(folder)
        query = dict(parse_qsl(parts.query))
        query["path"] = "/" + posixpath.join(query.get("path", "").strip("/"), file)
        return parts._replace(query=urlencode(query), fragment="").geturl()
    base, _, query_text = folder.partition("#")[0].partition("?")
    base = base.rstrip("/")
    if not repository.ref and kind != "bitbucketServer":
        return None  # the repository itself: its default branch has a name that is not told
    if kind == "bitbucketServer" and "/browse" not in base:
        base += "/browse"
    url = f"{base}/{quote(file)}" + (f"?{query_text}" if query_text else "")
    return url.replace("/tree/", "/blob/", 1) if kind in ("github", "gitlab") else url
