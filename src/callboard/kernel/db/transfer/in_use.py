"""Whether somebody works on a database: overwriting it under a running portal would leave both wrong."""

from __future__ import annotations

from pathlib import Path

from callboard.kernel.db.interface import Database
from callboard.kernel.db.transfer.tables import CannotTransfer


def require_unused_file(path: Path) -> None:
    """Raise ``CannotTransfer`` while any process has the SQLite file open. Fine where there is none."""
    import apsw

    if not path.exists():
        return
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        connection.set_busy_timeout(200)
        # With its log, a file can only be had alone while nobody else has it open, busy or not.
        connection.pragma("locking_mode", "exclusive")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("ROLLBACK")
    except apsw.BusyError as error:
        raise CannotTransfer(f"{path} is in use: stop the Callboard that runs on it first.") from error
    finally:
        connection.close(True)


async def require_unused_server(db: Database) -> None:
    """Raise ``CannotTransfer`` while another Callboard is connected to the PostgreSQL database. ``db`` has one connection so far."""
    async with db.read(snapshot=False) as tx:
        others = int(
            await tx.fetch_value(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND application_name = 'callboard' AND pid <> pg_backend_pid()"
            )
        )
    if others:
        raise CannotTransfer(
            f"The target is in use: {others} connection{'s' if others > 1 else ''} of Callboard. Stop all replicas first."
        )
