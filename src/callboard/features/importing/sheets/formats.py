"""What a file is, by its bytes: its name is only a hint. What cannot be read is refused with what it is and what to do.

Archives are weighed by their directory before anything unpacks them.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from typing import Literal

from callboard.features.importing.interface import SheetTooLarge, UnreadableSheet
from callboard.features.importing.sheets.limits import MIB, SheetLimits

Found = Literal["text", "xlsx", "ods", "xls"]

SMALL_ARCHIVE = 8 * MIB
"""Bytes. An archive that unpacks to less is no danger, however well it was packed."""

_ENTRY = b"PK\x01\x02"
_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

_SAVE_AS = "Open it in your spreadsheet program and save it as Excel workbook (.xlsx), OpenDocument (.ods) or CSV."

_OTHER_FILES: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"SQLite format 3", "an SQLite database"),
    (b"PAR1", "a Parquet file"),
    (b"{\\rtf", "a text document (RTF)"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
)
_MARKS_OF_TEXT = (b"%PDF", b"{\\rtf")


@dataclass(frozen=True, slots=True)
class Archive:
    """The directory of a zip file: names as they stand there."""

    names: tuple[str, ...]

    def has(self, name: str) -> bool:
        return name.lower() in (each.lower() for each in self.names)

    def has_folder(self, name: str) -> bool:
        return any(each.lower().startswith(name + "/") for each in self.names)


def detect_format(content: bytes, filename: str, limits: SheetLimits) -> Found:
    """Tell what ``content`` is; ``text`` is anything delimited.

    Raises:
        UnreadableSheet: It is something else, damaged, or locked with a password.
        SheetTooLarge: The file, or what it unpacks to, is over a limit. Nothing was unpacked.
    """
    if len(content) > limits.file_bytes:
        raise SheetTooLarge(
            f"{filename} has {len(content) / MIB:.1f} MiB; at most {limits.file_bytes / MIB:.0f} MiB can be imported. "
            "Split it, or remove pictures and tabs that are not needed."
        )
    if not content.strip(b"\x00 \t\r\n"):
        raise UnreadableSheet(f"{filename} is empty.")
    if content.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _detect_archive(content, filename, limits)
    if content.startswith(_COMPOUND):
        return _detect_compound(content, filename)
    # A header may well start with the letters of a mark: "PAR1", say. Files that are no text have bytes that texts have not.
    is_binary = any(byte < 9 for byte in content[:64])
    for magic, what in _OTHER_FILES:
        if content.startswith(magic) and (is_binary or magic in _MARKS_OF_TEXT):
            raise UnreadableSheet(f"{filename} is {what}, not a sheet. {_SAVE_AS}")
    _refuse_markup(content, filename)
    return "text"


def _detect_archive(content: bytes, filename: str, limits: SheetLimits) -> Found:
    archive = weigh_archive(content, filename, limits)
    if archive.has("xl/workbook.xml"):
        return "xlsx"
    if archive.has("xl/workbook.bin"):
        raise UnreadableSheet(f"{filename} is a binary Excel workbook (.xlsb). {_SAVE_AS}")
    if archive.has("content.xml"):
        with zipfile.ZipFile(io.BytesIO(content)) as opened:
            kind = _mimetype(opened)
        if "spreadsheet" in kind or not kind:
            return "ods"
        raise UnreadableSheet(f"{filename} is an OpenDocument file, but no spreadsheet ({kind}).")
    for folder, what in (
        ("word", "a Word document"),
        ("ppt", "a PowerPoint presentation"),
        ("visio", "a Visio drawing"),
    ):
        if archive.has_folder(folder):
            raise UnreadableSheet(f"{filename} is {what}, not a sheet. Put the table into a sheet of its own.")
    if any(name.lower().endswith(".iwa") or name == "Index.zip" for name in archive.names):
        raise UnreadableSheet(f"{filename} is an Apple Numbers document. Export it from Numbers as Excel or CSV.")
    raise UnreadableSheet(f"{filename} is a zip archive, not a sheet. Unpack it and upload the sheet that is in it.")


def _mimetype(archive: zipfile.ZipFile) -> str:
    """What an OpenDocument archive says it is; empty when it says nothing readable."""
    try:
        with archive.open("mimetype") as member:
            return member.read(100).decode("ascii", "replace").strip()
    except (KeyError, zipfile.BadZipFile, RuntimeError, EOFError, OSError, ValueError):
        return ""


def weigh_archive(content: bytes, filename: str, limits: SheetLimits) -> Archive:
    """Read the directory of a zip file and hold its sizes against the limits, unpacking nothing.

    A directory may lie about sizes: the opener's own bounds catch what does.
    """
    damaged = UnreadableSheet(f"{filename} is damaged: it starts like a workbook, but cannot be opened. {_SAVE_AS}")
    # Counted in the bytes first: reading a directory of a million entries costs hundreds of megabytes.
    if content.count(_ENTRY) > 2 * limits.members:
        raise SheetTooLarge(f"{filename} holds more than {limits.members:,} files; no spreadsheet program writes that.")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as opened:
            members = opened.infolist()
    # What zipfile raises on broken input is not one class.
    except Exception as error:
        raise damaged from error
    if len(members) > limits.members:
        raise SheetTooLarge(f"{filename} holds {len(members):,} files; no spreadsheet program writes that.")
    if any(member.flag_bits & 1 for member in members):
        raise UnreadableSheet(f"{filename} is protected with a password. Save a copy without one.")
    if any(member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for member in members):
        raise damaged
    names = [member.filename for member in members]
    # Two programs may pick different ones of two members with one name.
    if len({name.lower() for name in names}) != len(names):
        raise damaged
    unpacked = sum(member.file_size for member in members)
    if unpacked > limits.unpacked_bytes:
        raise SheetTooLarge(
            f"{filename} unpacks to {unpacked / MIB:,.0f} MiB; at most {limits.unpacked_bytes / MIB:.0f} MiB can be imported. "
            "Split it, or remove tabs that are not needed."
        )
    if unpacked > SMALL_ARCHIVE and unpacked > limits.ratio * len(content):
        raise SheetTooLarge(
            f"{filename} unpacks to {unpacked / max(1, len(content)):,.0f} times its size; no sheet does that. "
            "If it is a real one, save it as CSV."
        )
    return Archive(tuple(names))


def _detect_compound(content: bytes, filename: str) -> Found:
    """A compound file: an old workbook, or the envelope of an encrypted new one. Streams are told by their names in it."""

    def has(stream: str) -> bool:
        return stream.encode("utf-16-le") in content

    if has("EncryptedPackage"):
        raise UnreadableSheet(f"{filename} is protected with a password. Save a copy without one.")
    if has("WordDocument"):
        raise UnreadableSheet(f"{filename} is a Word document, not a sheet. Put the table into a sheet of its own.")
    if has("Workbook") or has("Book"):
        return "xls"
    raise UnreadableSheet(f"{filename} is not a workbook that can be read. {_SAVE_AS}")


def _refuse_markup(content: bytes, filename: str) -> None:
    """Programs export HTML and XML under names that end in .xls; data files of other kinds come by mistake."""
    head = content[:4096]
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = head.decode("utf-16", "ignore")
    else:
        text = head.decode("utf-8", "ignore")
    text = text.lstrip("\ufeff \t\r\n").lower()
    if text.startswith("<?xml") or (text.startswith("<") and "xmlns" in text):
        if "urn:schemas-microsoft-com:office:spreadsheet" in text:
            raise UnreadableSheet(f"{filename} is an XML spreadsheet of 2003. {_SAVE_AS}")
        if "urn:oasis:names:tc:opendocument" in text:
            raise UnreadableSheet(f"{filename} is a flat OpenDocument file (.fods). {_SAVE_AS}")
        if "<html" not in text:
            raise UnreadableSheet(f"{filename} is an XML file, not a sheet. {_SAVE_AS}")
    if text.startswith(
        ("<!doctype html", "<html", "<head", "<meta", "<table", "<body", "<style", "<div", "<?xml", "<!--")
    ):
        raise UnreadableSheet(f"{filename} is a web page (HTML) with the name of a sheet. {_SAVE_AS}")
    if text.startswith("mime-version:"):
        raise UnreadableSheet(f"{filename} is a saved web page (MHTML) with the name of a sheet. {_SAVE_AS}")
    if text.startswith(('{"', "{\n", "{\r", "{ ", '[{"', "[\n", "[\r\n", "[ {")):
        raise UnreadableSheet(f"{filename} is a JSON file, not a sheet. {_SAVE_AS}")
    if text.startswith(("apiversion:", "---\napiversion:", "---\r\napiversion:", "kind:")):
        raise UnreadableSheet(f"{filename} is a catalog file (YAML), not a sheet. Register it as a location instead.")
