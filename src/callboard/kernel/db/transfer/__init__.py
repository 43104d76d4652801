"""Whole databases moved: backed up into a file, restored from one, copied between SQLite and PostgreSQL.

A *source* gives every table of every feature and plugin in one consistent state; it is a SQLite file, a PostgreSQL database, or an
archive. A copy takes all of it into one transaction of the target, counts and compares, and only then commits.
"""

from callboard.kernel.db.transfer.archive import ArchiveSource, is_archive, write_archive
from callboard.kernel.db.transfer.copying import Copied, copy_all
from callboard.kernel.db.transfer.sources import DatabaseSource, Source, SqliteSource
from callboard.kernel.db.transfer.tables import Contents, TableCopied

__all__ = [
    "ArchiveSource", "Contents", "Copied", "DatabaseSource", "Source", "SqliteSource", "TableCopied", "copy_all", "is_archive",
    "write_archive",
]  # fmt: skip
