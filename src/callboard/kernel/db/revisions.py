"""What an Alembic revision of Callboard, or of a plugin, does: run the SQL file beside it."""

from __future__ import annotations

from pathlib import Path


def run_sql_file(revision_file: str) -> None:
    """Run ``<stem>.<engine>.sql`` from the folder of the revision; call it from ``upgrade`` with ``__file__``.

    The file goes to the driver as it is: ``:`` and ``%`` in it mean themselves.
    """
    from alembic import op

    connection = op.get_bind()
    file = Path(revision_file)
    script = file.with_name(f"{file.stem}.{connection.dialect.name}.sql").read_text(encoding="utf-8")
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.execute(script)
