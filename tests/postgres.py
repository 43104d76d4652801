"""PostgreSQL databases for tests: an empty one, and one with a portal's tables. Both are made once and cleared for each test."""

from __future__ import annotations

from typing import Any

from callboard.kernel.db.postgres import PostgresDatabase
from callboard.testing._tables import make_tables

_EMPTY = "SET client_min_messages = error; DROP SCHEMA public CASCADE; CREATE SCHEMA public;"
_SHAPE = """
SELECT md5(string_agg(concat_ws(' ', relname, relkind, relnatts), ',' ORDER BY relname)) FROM pg_class
WHERE relnamespace = 'public'::regnamespace
"""
_KEEP_FIRST_ROWS = """
CREATE SCHEMA first;
DO $$ DECLARE one text; has_rows boolean; BEGIN
  FOR one IN SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM public.%I)', one) INTO has_rows;
    IF has_rows THEN EXECUTE format('CREATE TABLE first.%I AS TABLE public.%I', one, one); END IF;
  END LOOP;
END $$;
"""
# Most tables were never written and have no page. Emptying a large one anew is quicker than row by row.
_BACK_TO_FIRST_ROWS = """
DO $$ DECLARE one record; BEGIN
  SET LOCAL session_replication_role = replica;
  FOR one IN SELECT relname, pg_relation_size(oid) AS size FROM pg_class
      WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' LOOP
    IF one.size > 1000000 THEN EXECUTE format('TRUNCATE public.%I CASCADE', one.relname);
    ELSIF one.size > 0 THEN EXECUTE format('DELETE FROM public.%I', one.relname); END IF;
  END LOOP;
  FOR one IN SELECT relname FROM pg_class WHERE relnamespace = 'first'::regnamespace AND relkind = 'r' LOOP
    EXECUTE format('INSERT INTO public.%I OVERRIDING SYSTEM VALUE TABLE first.%I', one.relname, one.relname);
  END LOOP;
  PERFORM setval(format('public.%I', sequencename)::regclass, start_value, false) FROM pg_sequences
    WHERE schemaname = 'public' AND last_value IS NOT NULL;
END $$;
"""
_shapes: dict[str, str] = {}
"""What the tables of a portal's database look like, by its URL."""


async def empty_database(dsn: str) -> str:
    """URL of a database with nothing in it. The same each time, emptied: making one takes ten times as long."""
    url, connection = await _connect(dsn, "callboard_test")
    try:
        await connection.execute(_EMPTY)
    finally:
        await connection.close()
    return url


async def portal_database(dsn: str) -> str:
    """URL of a database as a portal's first start leaves it: all tables of the built-in features, and no more rows than they begin with.

    Making the tables takes longer than most tests. So they are kept, and made anew only when a test left others behind.
    """
    url, connection = await _connect(dsn, "callboard_portal")
    try:
        if url in _shapes and await connection.fetchval(_SHAPE) == _shapes[url]:
            await connection.execute(_BACK_TO_FIRST_ROWS)
            return url
        await connection.execute(_EMPTY + "DROP SCHEMA IF EXISTS first CASCADE;")
        database = await PostgresDatabase.open(url)
        try:
            await make_tables(database)
        finally:
            await database.close()
        await connection.execute(_KEEP_FIRST_ROWS)
        _shapes[url] = await connection.fetchval(_SHAPE)
    finally:
        await connection.close()
    return url


async def _connect(dsn: str, name: str) -> tuple[str, Any]:
    """The database of that name on this server, made if need be, and a connection to it, which is the only one."""
    import asyncpg

    url = dsn.replace("/postgres?", f"/{name}?")
    try:
        connection = await asyncpg.connect(url)
    except asyncpg.InvalidCatalogNameError:
        admin = await asyncpg.connect(dsn)
        await admin.execute(f"CREATE DATABASE {name}")
        await admin.close()
        connection = await asyncpg.connect(url)
    # A test that failed may have left connections with locks behind.
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid()"
    )
    return url, connection
