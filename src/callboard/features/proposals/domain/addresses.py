"""Addresses of a repository at its host: pages of folders and files, and the annotations by which tools know it."""

from __future__ import annotations

from urllib.parse import quote

from callboard.features.proposals.domain.values import RepositoryFacts

_ROOTS = {
    "github": ("/tree/{ref}/", "/blob/{ref}/"),
    "gitlab": ("/-/tree/{ref}/", "/-/blob/{ref}/"),
    "gitea": ("/src/branch/{ref}/", "/src/branch/{ref}/"),
    "bitbucketCloud": ("/src/{ref}/", "/src/{ref}/"),
}
_SLUGS = {
    "github": "github.com/project-slug", "gitlab": "gitlab.com/project-slug", "bitbucketCloud": "bitbucket.com/project-slug",
    "azure": "dev.azure.com/project-repo",
}  # fmt: skip


def folder_url(facts: RepositoryFacts, folder: str) -> str:
    """The page of a folder; empty where the host's form is not known."""
    return _url(facts, folder, 0) and (_url(facts, folder, 0).rstrip("/") + ("/" if facts.kind in _ROOTS else ""))


def file_url(facts: RepositoryFacts, path: str) -> str:
    """The address of a file, as readers of the catalog read it; empty where there is none."""
    return _url(facts, path, 1)


def _url(facts: RepositoryFacts, path: str, which: int) -> str:
    if not facts.url:
        return ""
    ref = quote(facts.ref or "HEAD", safe="")
    if facts.kind in _ROOTS:
        return facts.url + _ROOTS[facts.kind][which].format(ref=ref) + quote(path, safe="/@~")
    if facts.kind == "azure":
        version = f"&version={quote(facts.ref, safe='')}" if facts.ref else ""
        return f"{facts.url}?path=/{quote(path, safe='/')}{version}"
    if facts.kind == "bitbucketServer":
        return f"{facts.url}/browse/{quote(path, safe='/')}" + (f"?at={quote(facts.ref, safe='')}" if facts.ref else "")
    return "" if path else facts.url


def slug_annotation(facts: RepositoryFacts) -> tuple[str, str] | None:
    key = _SLUGS.get(facts.kind)
    if key is None or not facts.slug:
        return None
    return key, facts.slug.partition("/")[2] if facts.kind == "azure" else facts.slug
