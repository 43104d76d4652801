"""A look at files that nobody registered: what is there, and would the catalog understand it?"""

from __future__ import annotations

from collections import Counter

from callboard.features.catalog.interface.checks import FilesFound
from callboard.features.catalog.readers.files import FileReader
from callboard.model.documents import iter_documents

MAX_TOLD = 5


class FileLooks:
    """The ``FileLook`` of a portal, by the reader that ``file`` locations have."""

    def __init__(self, reader: FileReader) -> None:
        self._reader = reader

    async def look(self, target: str) -> FilesFound:
        absolute = self._reader.absolute(target)
        hits = await self._reader.search(absolute)
        kinds: Counter[str] = Counter()
        problems = [finding.message for finding in hits.findings]
        for file in hits.files:
            for document in iter_documents(file.content):
                kind = None if document.value is None else document.value.get("kind")
                if document.problem is not None:
                    problems.append(f"{file.url}:{document.problem.line or 1}: {document.problem.message}")
                elif isinstance(kind, str) and "apiVersion" in (document.value or {}):
                    kinds[kind] += 1
                else:
                    problems.append(f"{file.url}: a document without apiVersion and kind is no descriptor.")
        return FilesFound(absolute, len(hits.files), dict(kinds), problems[:MAX_TOLD])
