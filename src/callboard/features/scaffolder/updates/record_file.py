"""The record of a run inside the repository that it made: ``.callboard/template.json`` and ``.callboard/template-base.zip``.

With them a checkout can be brought up to date without a server. The JSON says template, version, answers without secrets, and path, hash
and mode of every file as the template made it; the archive holds those files as far as they are texts of moderate size, the common
ancestor of merges. Both are written anew with every update and belong into version control. Format: docs/how-to/keep-up-with-a-template.md.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from dataclasses import dataclass, field
from typing import Any, Mapping

from callboard.features.scaffolder.updates.trees import Node, Tree, checked_path
from callboard.kernel.errors import InputError

FORMAT = 1
RECORD_PATH = ".callboard/template.json"
BASE_PATH = ".callboard/template-base.zip"
MIB = 1024 * 1024
MAX_RECORD_BYTES = 8 * MIB
MAX_TEXT_BYTES = MIB
MAX_BASE_BYTES = 32 * MIB
"""Of the texts in the archive, unpacked: those beyond it are known by their hash alone."""
_DIGEST = re.compile(r"[0-9a-f]{64}")
_MODES = {"100644": False, "100755": True}
_LINK = "120000"
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class TemplateRecord:
    """What is recorded of a run.

    ``source`` is where the template was read: an address, or a path relative to the repository. ``outputs`` are what steps gave, ``user``
    is ``{ref, entity?}`` of who ran it; of the user only the ref is written to the file. What lay below ``root`` of
    the workspace was put into the folder ``into`` of the repository: ``files`` have the paths of the repository.
    """

    ref: str
    source: str
    version: str
    answers: Mapping[str, Any]
    files: Tree
    task_id: str = ""
    user: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    commit: str = ""
    root: str = ""
    into: str = ""


def is_kept(node: Node) -> bool:
    """Whether the content of a file is kept for merging."""
    return node.link is None and node.content is not None and not node.is_binary and len(node.content) <= MAX_TEXT_BYTES


def write_record(record: TemplateRecord) -> dict[str, bytes]:
    """The two files by path; the same record gives the same bytes."""
    template = {"ref": record.ref, "source": record.source, "version": record.version}
    if record.commit:
        template["commit"] = record.commit
    files: dict[str, Any] = {}
    for path, node in sorted(record.files.items()):
        if node.link is not None:
            files[path] = {"mode": _LINK, "link": node.link}
        else:
            files[path] = {"mode": "100755" if node.is_executable else "100644", "sha256": node.digest}
    data: dict[str, Any] = {"format": FORMAT, "template": template, "answers": dict(record.answers)}
    user = str(record.user.get("ref") or "")
    run = {"task": record.task_id, "user": user, "root": record.root, "into": record.into}
    if any(run.values()):
        data["run"] = {name: value for name, value in run.items() if value}
    if record.outputs:
        data["outputs"] = {id: dict(output) for id, output in sorted(record.outputs.items())}
    data["files"] = files
    text = json.dumps(data, indent=2, ensure_ascii=False, default=str) + "\n"
    return {RECORD_PATH: text.encode(), BASE_PATH: _pack(record.files)}


def _pack(files: Tree) -> bytes:
    buffer = io.BytesIO()
    total = 0
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path, node in sorted(files.items()):
            if not is_kept(node) or node.content is None or total + len(node.content) > MAX_BASE_BYTES:
                continue
            total += len(node.content)
            info = zipfile.ZipInfo(path, _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (0o100000 | node.mode) << 16
            archive.writestr(info, node.content)
    return buffer.getvalue()


def read_record(record: bytes, base: bytes | None) -> TemplateRecord:
    """The record of a repository. Contents of ``base`` count where their hash is the recorded one.

    Raises:
        InputError: the JSON is not of this format, or the archive cannot be read.
    """
    data = _load(record)
    template, answers = _object(data, "template"), _object(data, "answers")
    files = {}
    for path, said in _object(data, "files").items():
        files[_path(path)] = _node(said, f"files.{path}")
    contents = _unpack(base, files) if base is not None else {}
    run = data.get("run")
    run = run if isinstance(run, Mapping) else {}
    outputs = data.get("outputs")
    known = (
        {str(id): one for id, one in outputs.items() if isinstance(one, Mapping)}
        if isinstance(outputs, Mapping)
        else {}
    )
    return TemplateRecord(
        ref=_text(template, "ref"),
        source=_text(template, "source"),
        version=_text(template, "version"),
        answers=answers,
        files={path: contents.get(path, node) for path, node in files.items()},
        task_id=str(run.get("task") or ""),
        user={"ref": str(run["user"])} if run.get("user") else {},
        outputs=known,
        commit=str(template.get("commit") or ""),
        root=str(run.get("root") or ""),
        into=str(run.get("into") or ""),
    )


def _load(record: bytes) -> Mapping[str, Any]:
    if len(record) > MAX_RECORD_BYTES:
        raise _refuse(f"it has more than {MAX_RECORD_BYTES} bytes")
    try:
        data = json.loads(record)
    except (ValueError, RecursionError) as error:
        raise _refuse(f"it is not JSON: {error}") from None
    if not isinstance(data, Mapping):
        raise _refuse("it is no object")
    if data.get("format") != FORMAT:
        raise _refuse(f"its format is {data.get('format')!r}, and this version of callboard knows {FORMAT}")
    return data


def _node(said: Any, where: str) -> Node:
    mode = said.get("mode") if isinstance(said, Mapping) else None
    if mode == _LINK and isinstance(said.get("link"), str):
        return Node.of_link(said["link"])
    digest = said.get("sha256") if isinstance(said, Mapping) else None
    if mode not in _MODES or not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise _refuse(f"{where} needs a mode (100644, 100755 with sha256; 120000 with link)")
    return Node(digest, _MODES[mode])


def _unpack(base: bytes, files: Tree) -> dict[str, Node]:
    found: dict[str, Node] = {}
    total = 0
    try:
        with zipfile.ZipFile(io.BytesIO(base)) as archive:
            for info in archive.infolist():
                known = files.get(info.filename)
                if known is None or known.link is not None:
                    continue
                with archive.open(info) as file:
                    content = file.read(MAX_TEXT_BYTES + 1)
                total += len(content)
                if total > MAX_BASE_BYTES:
                    raise InputError(f"{BASE_PATH} holds more than {MAX_BASE_BYTES} bytes.", file=BASE_PATH)
                node = Node.of_file(content, is_executable=known.is_executable)
                if node.digest == known.digest:
                    found[info.filename] = node
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError, ValueError) as error:
        raise InputError(
            f"{BASE_PATH} cannot be read: {error}. Restore it from version control.", file=BASE_PATH
        ) from None
    return found


def _path(path: str) -> str:
    try:
        return checked_path(path)
    except InputError as error:
        raise _refuse(error.message.rstrip(".")) from None


def _object(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = data.get(name)
    if not isinstance(value, dict):
        raise _refuse(f"{name} must be an object")
    return value


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    if not isinstance(value, str):
        raise _refuse(f"template.{name} must be a text")
    return value


def _refuse(what: str) -> InputError:
    return InputError(f"{RECORD_PATH} cannot be used: {what}. Restore it from version control.", file=RECORD_PATH)
