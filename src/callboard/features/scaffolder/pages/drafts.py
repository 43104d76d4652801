"""A template that is being written in the browser: its YAML and the files beside it, as a form carries them. Nothing of it is stored."""

from __future__ import annotations

import base64
import binascii
import io
import zipfile
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any, Mapping, Sequence

from callboard.kernel.errors import InputError, LimitError
from callboard.kernel.read_file import TreeFile
from callboard.model.documents import Limits, iter_documents
from callboard.model.problems import Problem

TEMPLATE = "template.yaml"
MAX_FILES = 200
MAX_BYTES = 2 * 1024 * 1024
MAX_ZIP_BYTES = 4 * 1024 * 1024
_LIMITS = Limits(max_bytes=512 * 1024, max_depth=60, max_nodes=50_000, max_documents=2)
STARTER = """\
apiVersion: scaffolder.backstage.io/v1beta3
kind: Template
metadata:
  name: my-template
  title: My template
  description: What one gets, in a sentence.
spec:
  type: service
  parameters:
    - title: About it
      required: [name]
      properties:
        name:
          type: string
          title: Name
          ui:autofocus: true
        owner:
          type: string
          title: Owner
          ui:field: OwnerPicker
  steps:
    - id: fetch
      name: Make the files
      action: fetch:template
      input:
        url: ./skeleton
        values:
          name: ${{ parameters.name }}
          owner: ${{ parameters.owner }}
"""
STARTER_README = "# ${{ values.name }}\n\nOwned by ${{ values.owner }}.\n"


@dataclass(frozen=True, slots=True)
class DraftFile:
    """A file beside the template. What is no text in UTF-8 is carried along and cannot be edited: its ``text`` is None."""

    path: str
    content: bytes

    @property
    def text(self) -> str | None:
        if b"\0" in self.content:
            return None
        try:
            return self.content.decode()
        except UnicodeDecodeError:
            return None


@dataclass(frozen=True, slots=True)
class Draft:
    """All that the editor's form holds. ``files[0]`` is the template; ``at`` is the file that is shown."""

    files: Sequence[DraftFile]
    at: int = 0
    values: str = ""
    expression: str = ""
    context: str = ""
    mode: str = "value"
    is_strict: bool = False
    problem: str = field(default="")

    @property
    def template_text(self) -> str:
        return self.files[0].text or ""

    def beside(self) -> list[TreeFile]:
        return [TreeFile(one.path, one.content) for one in self.files[1:]]

    def with_file(self, path: str, content: bytes = b"") -> Draft:
        """Raises ``InputError`` for a path that leads out or is taken, ``LimitError``."""
        path = checked_path(path)
        if any(one.path == path for one in self.files):
            raise InputError(f"There is a file {path} already.", field="new_path")
        return checked(replace(self, files=(*self.files, DraftFile(path, content)), at=len(self.files)))

    def without(self, index: int) -> Draft:
        """The template itself stays."""
        if not 0 < index < len(self.files):
            return self
        return replace(self, files=(*self.files[:index], *self.files[index + 1 :]), at=0)

    def opened(self, index: int) -> Draft:
        return replace(self, at=index) if 0 <= index < len(self.files) else self


def starter() -> Draft:
    return Draft((DraftFile(TEMPLATE, STARTER.encode()), DraftFile("skeleton/README.md", STARTER_README.encode())))


def checked(draft: Draft) -> Draft:
    if len(draft.files) > MAX_FILES:
        raise LimitError(f"The editor holds at most {MAX_FILES} files.")
    if sum(len(one.content) for one in draft.files) > MAX_BYTES:
        raise LimitError(f"The editor holds at most {MAX_BYTES:,} bytes of files.")
    return draft


def checked_path(path: str) -> str:
    """A path below the template, with ``/``. Raises ``InputError``."""
    path = path.strip().replace("\\", "/").removeprefix("./")
    parts = PurePosixPath(path).parts
    if not path or path.startswith("/") or path.endswith("/") or ".." in parts or len(path) > 300 or "\0" in path:
        raise InputError(
            f"{path[:80] or 'An empty name'!r} is no path of a file beside the template.", field="new_path"
        )
    return "/".join(parts)


def read_draft(form: Any) -> Draft:
    """From the fields ``file.<n>.path`` with ``file.<n>.text`` or ``file.<n>.base64``, and the rest."""
    files: list[DraftFile] = []
    for n in range(MAX_FILES):
        path = form.get(f"file.{n}.path")
        if not isinstance(path, str):
            break
        encoded, text = form.get(f"file.{n}.base64"), form.get(f"file.{n}.text")
        if isinstance(encoded, str):
            try:
                content = base64.b64decode(encoded, validate=True)
            except (binascii.Error, ValueError):
                raise InputError(f"The bytes of {path[:80]} did not arrive whole.", field=f"file.{n}.base64") from None
        else:
            content = (text if isinstance(text, str) else "").replace("\r\n", "\n").encode()
        files.append(DraftFile(TEMPLATE if n == 0 else checked_path(path), content))
    if not files:
        return starter()
    at = str(form.get("at", "0"))
    draft = Draft(
        files,
        min(int(at), len(files) - 1) if at.isdecimal() and len(at) < 4 else 0,
        _lines(form.get("values")),
        _lines(form.get("expression")),
        _lines(form.get("context")),
        "text" if form.get("mode") == "text" else "value",
        form.get("strict") == "1",
    )
    return checked(draft)


def _lines(value: Any) -> str:
    return value.replace("\r\n", "\n") if isinstance(value, str) else ""


def read_mapping(text: str, what: str) -> dict[str, Any]:
    """A mapping in YAML or JSON; none for an empty text. Raises ``InputError`` with line and column."""
    found = list(iter_documents(text, _LIMITS))
    if not found:
        return {}
    problem = found[0].problem
    if problem is not None:
        raise InputError(f"{what}: {_said(problem)}", line=problem.line, column=problem.column)
    if len(found) > 1:
        raise InputError(f"{what}: one document is enough.", line=found[1].chunk.line, column=1)
    return dict(found[0].value or {})


def _said(problem: Problem) -> str:
    return f"{problem.message}{f'. {problem.fix}' if problem.fix else ''}"


def to_zip(draft: Draft) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in draft.files:
            archive.writestr(zipfile.ZipInfo(one.path, (2026, 1, 1, 0, 0, 0)), one.content)
    return out.getvalue()


def from_zip(data: bytes) -> Draft:
    """The folder of an archive that holds the one ``template.yaml`` nearest to its top. Raises ``InputError``, ``LimitError``."""
    if len(data) > MAX_ZIP_BYTES:
        raise LimitError(f"An archive for the editor has at most {MAX_ZIP_BYTES:,} bytes.")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except zipfile.BadZipFile:
        raise InputError("This is no zip archive.", field="archive") from None
    entries = [one for one in archive.infolist() if not one.is_dir()]
    names = [one.filename for one in entries if PurePosixPath(one.filename).name in (TEMPLATE, "template.yml")]
    if not names:
        raise InputError(f"There is no {TEMPLATE} in the archive.", field="archive")
    found = min(names, key=lambda name: (name.count("/"), name))
    folder = found.rpartition("/")[0]
    prefix = f"{folder}/" if folder else ""
    below = [one for one in entries if one.filename.startswith(prefix) and one.filename != found]
    if len(below) >= MAX_FILES or sum(one.file_size for one in below) > MAX_BYTES:
        raise LimitError(f"The editor holds at most {MAX_FILES} files and {MAX_BYTES:,} bytes.")
    files = [DraftFile(TEMPLATE, _read(archive, found))]
    files += [DraftFile(checked_path(one.filename.removeprefix(prefix)), _read(archive, one.filename)) for one in below]
    return checked(Draft(files))


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        with archive.open(name) as file:
            content = file.read(MAX_BYTES + 1)  # what an entry says of its size need not be true
    except (RuntimeError, NotImplementedError, zipfile.BadZipFile, EOFError, OSError):
        raise InputError(f"{name[:80]} in the archive cannot be read.", field="archive") from None
    if len(content) > MAX_BYTES:
        raise LimitError(f"The editor holds at most {MAX_BYTES:,} bytes.")
    return content


def of_entity(entity: Mapping[str, Any], files: Sequence[TreeFile]) -> Draft:
    """A template of the catalog as one would write it, with the files beside it."""
    from callboard.ui.code import format_yaml

    metadata = {key: value for key, value in entity["metadata"].items() if key not in ("uid", "etag", "generation")}
    annotations = {
        key: value for key, value in (metadata.get("annotations") or {}).items()
        if not key.startswith("backstage.io/managed-by") and not key.endswith(("-url", "/source-location"))
    }  # fmt: skip
    metadata.pop("annotations", None)
    if annotations:
        metadata["annotations"] = annotations
    if metadata.get("namespace") == "default":
        del metadata["namespace"]
    document = {key: entity[key] for key in ("apiVersion", "kind") if key in entity}
    text = format_yaml({**document, "metadata": metadata, "spec": entity.get("spec") or {}})
    beside = [DraftFile(one.path, one.content) for one in files if one.link is None and _is_beside(one.path)]
    return checked(Draft((DraftFile(TEMPLATE, text.encode()), *beside)))


def _is_beside(path: str) -> bool:
    return path not in (TEMPLATE, "template.yml") and not path.startswith(".git/")
