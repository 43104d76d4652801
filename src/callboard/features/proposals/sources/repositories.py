"""Repositories behind the readers of source hosts, as trees: one listing at a commit, then the files that may tell something."""

from __future__ import annotations

import asyncio
from typing import Any, Sequence

from callboard.features.proposals.domain.choosing import choose
from callboard.features.proposals.domain.values import REMOTE_LIMITS, Limits, RepositoryFacts, Tree
from callboard.features.proposals.interface import TargetRefused
from callboard.features.proposals.sources.folder import printable
from callboard.kernel.discovery import ListedRepository, RepositoryListing
from callboard.kernel.errors import InputError, LimitError, NotFoundError
from callboard.kernel.source_host import RepoPath, SourceHost
from callboard.model.urls import split_http

CONCURRENT_READS = 5
GIT_LIMITS = Limits()


class Repositories:
    """The readers and listings of one portal."""

    def __init__(self, readers: Sequence[Any], listings: Sequence[RepositoryListing]) -> None:
        self._hosts = [reader for reader in readers if isinstance(reader, SourceHost)]
        self.listings = tuple(listings)

    def find_owner(self, url: str) -> tuple[RepositoryListing, str] | None:
        """The organisation whose page this is."""
        for listing in self.listings:
            owner = listing.find_owner(url)
            if owner is not None:
                return listing, owner
        return None

    def find(self, url: str) -> tuple[SourceHost, RepoPath, str] | None:
        """The reader of a repository's URL, its place, and the URL as the reader understands it."""
        for form in (url, f"git+{url}"):
            for reader in self._hosts:
                place = reader.find_path(form)
                if place is not None:
                    return reader, place, form
        return None

    def require(self, url: str) -> tuple[SourceHost, RepoPath]:
        """Raises ``TargetRefused`` naming the setting that would open it."""
        found = self.find(url)
        if found is not None:
            reader, place, _ = found
            if place.path:
                raise TargetRefused(
                    f"{url} names a folder or file. Give the address of the repository.", field="target"
                )
            return reader, place
        parts = split_http(url.removeprefix("git+"))
        if parts is None or not parts.hostname:
            raise TargetRefused(
                f"{url!r} is neither a folder nor the address of a repository or organisation, e.g. https://github.com/acme/shop.",
                field="target",
            )
        if "@" in parts.netloc:
            raise TargetRefused(
                "An address with a password in it is not read. Put it into integrations.git.", field="target"
            )
        raise TargetRefused(
            f"{parts.netloc} is not known. Add the host to integrations (github, gitlab, gitea, bitbucketServer, azure), or the"
            " address to integrations.git.",
            field="target",
        )

    async def read_tree(self, reader: SourceHost, place: RepoPath, commit: str) -> Tree:
        """The tree at ``commit``. Complete but for what the notes tell, or an error."""
        limits = GIT_LIMITS if reader.kind == "other" else REMOTE_LIMITS
        listed = await reader.list_files(place, commit, "")
        notes = []
        if len(listed) > limits.paths:
            notes.append(f"{len(listed)} files: those after the first {limits.paths} were not looked at.")
            listed = listed[: limits.paths]
        entries = {printable(entry.path): entry for entry in listed}
        chosen, more = await asyncio.to_thread(
            choose, [(path, entry.size_bytes) for path, entry in entries.items()], limits
        )
        texts: dict[str, str] = {}
        unread: list[str] = []
        gate = asyncio.Semaphore(CONCURRENT_READS)
        total = 0

        async def read(path: str) -> None:
            nonlocal total
            async with gate:
                if total > limits.total_bytes:
                    unread.append(path)
                    return
                try:
                    content = await reader.read_entry(place, commit, entries[path])
                except (NotFoundError, InputError):  # listed, but no file after all: a submodule, a lost object
                    unread.append(path)
                    return
                except LimitError as error:
                    if error.retry_after_s is not None:
                        raise
                    unread.append(path)
                    return
            if len(content) > limits.file_bytes:
                unread.append(path)
                return
            total += len(content)
            texts[path] = content.decode("utf-8", "replace")

        tasks = [asyncio.ensure_future(read(path)) for path in chosen]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if unread:
            notes.append(f"{len(unread)} files could not be read or are too large, the first {min(unread)}.")
        return Tree(tuple(sorted(entries)), texts, (*notes, *more))


def facts_of(reader: SourceHost, place: RepoPath, listed: ListedRepository | None = None) -> RepositoryFacts:
    """What is known of a repository before its files are read."""
    name = place.repo.rstrip("/").removesuffix(".git").rpartition("/")[2]
    if reader.kind == "other":  # plain git: the address may be a folder of this machine
        url = place.repo.removesuffix(".git") if place.repo.startswith(("http://", "https://")) else ""
        return RepositoryFacts(name, url, "other", "", place.ref or "")
    ref = (place.ref or (listed.branch if listed else "")) or ""
    if reader.kind == "gitea":
        ref = ref.rpartition("/")[2]
    url = listed.url if listed is not None else _page(reader, place)
    return RepositoryFacts(
        name=name, url=url.rstrip("/"), kind=reader.kind, slug=place.repo, ref=ref,
        description=listed.description if listed else "", topics=listed.topics if listed else (),
        is_archived=listed.is_archived if listed else False, homepage=listed.homepage if listed else "",
    )  # fmt: skip


def _page(reader: SourceHost, place: RepoPath) -> str:
    """The page of a repository, from the address of a file in it."""
    address = reader.format_url(RepoPath(place.site, place.repo, place.ref, "x"))
    for mark in ("/-/blob/", "/blob/", "/src/", "/browse/", "?path="):
        if mark in address:
            return address.partition(mark)[0]
    return address
