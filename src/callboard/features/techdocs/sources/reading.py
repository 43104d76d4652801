"""The files of a whole site: every mount read, put together under one root, or the word that nothing changed."""

from __future__ import annotations

import asyncio
import hashlib
import os
import posixpath
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Iterable, Mapping, Sequence
from urllib.parse import unquote, urlsplit

from callboard.features.catalog.interface import NotModified, TreeReader, UrlReader
from callboard.features.catalog.interface.trees import HistoryReader, RefReader
from callboard.features.techdocs.domain import Mount, SitePlan, Source
from callboard.features.techdocs.interface import Problem
from callboard.features.techdocs.settings import SourceLimits
from callboard.features.techdocs.sources.folder import FolderLook, SiteFolder
from callboard.features.techdocs.sources.selecting import CONFIGS, MARKDOWN, docs_dir_of, find_config, select
from callboard.features.techdocs.store.sites import VersionRow
from callboard.kernel.archives import stays_inside
from callboard.kernel.errors import CallboardError, InputError, LimitError, NotFoundError
from callboard.kernel.file_history import FileChange, FileHistory
from callboard.kernel.read_file import TreeFile
from callboard.kernel.source_host import is_commit


@dataclass(frozen=True, slots=True)
class SiteFiles:
    """A site as read. ``files`` are relative to its root; ``docs_dir`` is the folder of pages there.

    ``sections`` are the typed mounts: (folder below ``docs_dir``, heading, type). ``revision`` is given back the next time.
    ``changes`` says who changed a file last, where the source tells.
    """

    files: Mapping[str, bytes]
    docs_dir: str
    revision: str
    sections: Sequence[tuple[str, str, str]] = ()
    problems: Sequence[Problem] = ()
    changes: Mapping[str, FileChange] = field(default_factory=dict)


@dataclass(slots=True)
class _Read:
    files: dict[str, bytes]
    problems: list[Problem]
    revision: str
    changes: Mapping[str, FileChange] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SiteLook:
    """What a look at all folders of a site saw. ``signature`` is the revision that reading would give."""

    signature: str
    is_empty: bool
    folders: tuple[FolderLook, ...]


Looks = dict[tuple[object, ...], FolderLook]
"""What was seen a moment ago: many sites may lie in one folder."""


class SiteReader:
    """Reads the mounts of plans. ``history`` is None where nobody knows who changed files on disk."""

    def __init__(self, readers: UrlReader, limits: SourceLimits, history: FileHistory | None) -> None:
        self._readers = readers
        self._limits = limits
        self._history = history

    def is_local(self, plan: SitePlan) -> bool:
        """Whether all of it is on disk, so that a look costs nothing."""
        return bool(plan.mounts) and all(mount.source.kind == "folder" for mount in plan.mounts)

    async def look(self, plan: SitePlan, version: str | None, known: Mapping[str, Sequence[str]]) -> str:
        """The revision now, without reading files; "" where the source does not tell.

        ``known``: for each mount by name, the paths that were read.
        """
        revisions = []
        for mount in plan.mounts:
            found = await self._look(plan, mount, version, known.get(mount.name, ()))
            if not found:
                return ""
            revisions.append(found)
        return _joined(revisions)

    def look_at_folders(self, plan: SitePlan, known: Mapping[str, Sequence[str]], looks: Looks) -> SiteLook:
        """``look`` at a site of folders alone, with what tells when another is worth it; blocks. Raises as ``read``."""
        found = []
        for mount in plan.mounts:
            folder, paths = self._folder(plan, mount), tuple(known.get(mount.name, ()))
            key = (*folder.key, paths)
            if key not in looks:
                looks[key] = folder.look(paths)
            found.append(looks[key])
        return SiteLook(_joined([one.signature for one in found]), all(one.is_empty for one in found), tuple(found))

    def find_empty(self, plans: Iterable[SitePlan]) -> dict[str, str]:
        """Of sites of folders those that hold nothing to read, with the sentence that says so; blocks."""
        seen: dict[tuple[object, ...], bool] = {}
        found: dict[str, str] = {}
        for plan in plans:
            try:
                folders = [self._folder(plan, mount) for mount in plan.mounts]
                for folder in folders:
                    if folder.key not in seen:
                        seen[folder.key] = not folder.find().files
                if all(seen[folder.key] for folder in folders):
                    found[plan.ref] = nothing_in(plan)
            except CallboardError:
                continue  # told when it is read
        return found

    async def _look(self, plan: SitePlan, mount: Mount, version: str | None, known: Sequence[str]) -> str:
        if mount.source.kind == "folder":
            return await asyncio.to_thread(self._folder(plan, mount).signature, known)
        reader, url = self._at(mount.source, version)
        return await reader.find_revision(url) if isinstance(reader, RefReader) else ""

    async def read(self, plan: SitePlan, version: str | None = None) -> SiteFiles:
        """Raises ``InputError`` (with what to do) for a plan that has nothing to read, and as readers do."""
        if not plan.mounts:
            raise InputError(plan.problem or f"{plan.ref} names no source of documentation.")
        parts = [await self._read(plan, mount, version) for mount in plan.mounts]
        docs_dir = next((self._docs_dir(plan, mount) for mount in plan.mounts if not mount.name), None)
        return await asyncio.to_thread(_put_together, plan, parts, docs_dir, self._limits)

    async def find_changes(self, plan: SitePlan, row: VersionRow, paths: Sequence[str]) -> Mapping[str, FileChange]:
        """Who changed the first of the site's ``paths`` last, and others where that costs nothing more; at the commit that was read."""
        places = _places(plan, row.meta)
        prefix, mount = _place_of(places, paths[0])
        reader, url = self._at(mount.source, row.name or None)
        if mount.source.kind != "tree" or not isinstance(reader, HistoryReader):
            return {}
        if len(plan.mounts) == 1 and is_commit(row.revision) and isinstance(reader, RefReader):
            url = reader.at_ref(url, row.revision)
        own = [path.removeprefix(prefix) for path in paths if _place_of(places, path)[1] is mount]
        found = await reader.find_changes(url, own)
        return {prefix + path: change for path, change in found.items()}

    async def list_versions(self, plan: SitePlan) -> Sequence[str]:
        """Branches and tags of the main source; empty where it has none."""
        if not plan.mounts or plan.mounts[0].source.kind == "folder":
            return ()
        reader, url = self._at(plan.mounts[0].source, None)
        return await reader.list_refs(url) if isinstance(reader, RefReader) else ()

    # ---- one mount ---------------------------------------------------------------------------------------------------

    async def _read(self, plan: SitePlan, mount: Mount, version: str | None) -> _Read:
        if mount.source.kind == "folder":
            if version is not None:
                raise NotFoundError(f"{plan.ref} is read from a folder, which has no versions.")
            return await self._read_folder(plan, mount)
        reader, url = self._at(mount.source, version)
        revision = await reader.find_revision(url) if isinstance(reader, RefReader) else ""
        files = await _read_tree(reader, url)
        read = await asyncio.to_thread(
            _from_tree, files, url, self._docs_dir(plan, mount), _is_all(plan, mount), self._limits
        )
        read.revision = revision or _digest(read.files)
        return read

    async def _read_folder(self, plan: SitePlan, mount: Mount) -> _Read:
        folder = self._folder(plan, mount)
        before = await asyncio.to_thread(folder.signature)
        files, problems = await asyncio.to_thread(folder.read)
        revision = await asyncio.to_thread(folder.signature, sorted(files))
        if await asyncio.to_thread(folder.signature) != before:
            revision = ""  # somebody writes: what was read may be half of it, so it is read again
        changes: Mapping[str, FileChange] = {}
        if self._history is not None:
            changes = await self._history.find_changes(mount.source.place, sorted(files))
        return _Read(files, problems, revision, changes)

    def _folder(self, plan: SitePlan, mount: Mount) -> SiteFolder:
        return SiteFolder(
            mount.source.place, mount.source.root or mount.source.place, self._limits, docs_dir=self._docs_dir(plan, mount),
            all_below=_is_all(plan, mount),
        )  # fmt: skip

    def _docs_dir(self, plan: SitePlan, mount: Mount) -> str | None:
        if mount.name:
            return "."
        given = plan.settings.docs_dir
        # a folder that the settings name holds the pages themselves, unless it is laid out as a site
        return "." if given is None and plan.settings.is_folder and _is_bare(mount.source.place) else given

    def _at(self, source: Source, version: str | None) -> tuple[UrlReader, str]:
        find: Any = getattr(self._readers, "find_reader", None)
        reader: UrlReader = (find(source.place) if find is not None else None) or self._readers
        if version is None:
            return reader, source.place
        if not isinstance(reader, RefReader):
            raise NotFoundError(f"{source.place} has no versions.")
        return reader, reader.at_ref(source.place, version)


def nothing_in(plan: SitePlan) -> str:
    """Alike for all sites of one place."""
    return f"There is no documentation in {plan.mounts[0].source.place}: neither mkdocs.yml nor Markdown, nor a folder docs that holds any."


def _is_bare(folder: str) -> bool:
    """Whether it is there, with neither a configuration nor a folder of pages."""
    return os.path.isdir(folder) and not any(os.path.exists(os.path.join(folder, name)) for name in (*CONFIGS, "docs"))


def paths_by_mount(plan: SitePlan, meta: Mapping[str, Any], paths: Iterable[str]) -> dict[str, list[str]]:
    """Of the paths of a site those of each mount by its name, as the mount has them."""
    places = _places(plan, meta)
    found: dict[str, list[str]] = {}
    for path in paths:
        prefix, mount = _place_of(places, path)
        found.setdefault(mount.name, []).append(path.removeprefix(prefix))
    return found


def _places(plan: SitePlan, meta: Mapping[str, Any]) -> list[tuple[str, Mount]]:
    """Where the mounts lie in the site that was put together of them (``VersionRow.meta``); the site itself is last."""
    docs_dir = str(meta.get("docs_dir") or "docs")
    base = "" if docs_dir == "." else f"{docs_dir}/"
    named = [mount for mount in plan.mounts if mount.name]
    places = [(f"{base}{section[0]}/", mount) for section, mount in zip(meta.get("sections", ()), named, strict=False)]
    return [*places, *(("", mount) for mount in plan.mounts if not mount.name)]


def _place_of(places: Sequence[tuple[str, Mount]], path: str) -> tuple[str, Mount]:
    return next((place for place in places if path.startswith(place[0])), places[-1])


def _is_all(plan: SitePlan, mount: Mount) -> bool:
    return bool(mount.name)


async def _read_tree(reader: UrlReader, url: str) -> Sequence[TreeFile]:
    if isinstance(reader, TreeReader):
        return await reader.read_tree(url)
    base = url.rstrip("/")
    try:
        hits = await reader.search(f"{base}/**")
    except NotModified:  # nothing was asked for conditionally
        return ()
    prefix = unquote(urlsplit(base).path).rstrip("/") + "/"
    return [
        TreeFile(unquote(urlsplit(hit.url).path).removeprefix(prefix), hit.content)
        for hit in hits
        if unquote(urlsplit(hit.url).path).startswith(prefix)
    ]


def _from_tree(
    files: Sequence[TreeFile], url: str, docs_dir: str | None, all_below: bool, limits: SourceLimits
) -> _Read:
    problems: list[Problem] = []
    contents = {file.path: file.content for file in files if file.link is None}
    for file in files:
        if file.link is None:
            continue
        target = posixpath.normpath(posixpath.join(posixpath.dirname(file.path), file.link))
        if not stays_inside(file.path, file.link):
            problems.append(Problem("refused", f"{file.path} is a link that leads out of the site.", file.path))
        elif target in contents:
            contents[file.path] = contents[target]
    kept = select(
        contents.keys(), lambda path: contents[path].decode("utf-8", "replace"), docs_dir=docs_dir, all_below=all_below
    )
    found: dict[str, bytes] = {}
    for path in sorted(kept):
        if any(part in {".git", "node_modules"} for part in path.split("/")):
            continue
        if len(contents[path]) > limits.file_bytes:
            problems.append(
                Problem(
                    "refused",
                    f"{path} has {len(contents[path])} bytes, more than {limits.file_bytes} (techdocs.limits.fileBytes).",
                    path,
                )
            )
            continue
        found[path] = contents[path]
    if not found:
        raise NotFoundError(f"There is no documentation at {url}: neither mkdocs.yml nor a folder docs with Markdown.")
    return _Read(found, problems, "")


def _put_together(plan: SitePlan, parts: Sequence[_Read], given: str | None, limits: SourceLimits) -> SiteFiles:
    """Typed mounts become folders below the folder of pages (``given`` where the site does not say), under names that are free there."""
    files: dict[str, bytes] = {}
    changes: dict[str, FileChange] = {}
    problems: list[Problem] = []
    sections: list[tuple[str, str, str]] = []
    docs_dir = "docs"
    for mount, read in zip(plan.mounts, parts, strict=True):
        problems += read.problems
        prefix = ""
        if not mount.name:
            config = find_config(read.files.keys())
            text = read.files[config].decode("utf-8", "replace") if config else ""
            docs_dir = posixpath.normpath(docs_dir_of(text) or given or "docs")
        else:
            name = mount.name
            while any(path.startswith(posixpath.normpath(f"{docs_dir}/{name}") + "/") for path in files):
                name += "-"
            prefix = posixpath.normpath(f"{docs_dir}/{name}") + "/"
            sections.append((name, mount.title, mount.type))
        for path, content in read.files.items():
            files[prefix + path] = content
        for path, change in read.changes.items():
            changes[prefix + path] = change
    if len(files) > limits.files or sum(map(len, files.values())) > limits.total_bytes:
        raise LimitError(
            f"{plan.ref} has {len(files)} files; a site may have {limits.files} files and {limits.total_bytes} bytes (techdocs.limits)."
        )
    revision = _joined([read.revision for read in parts]) if all(read.revision for read in parts) else ""
    return SiteFiles(files, docs_dir, revision, tuple(sections), tuple(problems), changes)


def _joined(revisions: Sequence[str]) -> str:
    return revisions[0] if len(revisions) == 1 else hashlib.sha256("\n".join(revisions).encode()).hexdigest()


def _digest(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.encode("utf-8", "surrogateescape") + b"\0" + hashlib.sha256(files[path]).digest())
    return digest.hexdigest()


def is_markdown(path: str) -> bool:
    return path.lower().endswith(MARKDOWN)


def changed_time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
