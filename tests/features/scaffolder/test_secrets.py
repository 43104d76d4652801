"""Secrets: nowhere in clear, and gone at the end."""

from __future__ import annotations

import io
from pathlib import Path

import orjson
import pytest

from callboard.features.scaffolder.interface import NewTask, ValuesRefused
from callboard.features.scaffolder.tasks.sealing import CannotOpen, Sealer, read_key_file
from callboard.features.scaffolder.tasks.snapshots import fingerprint, pack, unpack
from callboard.kernel.errors import UnavailableError
from callboard.kernel.logs import captured_logs
from tests.features.scaffolder.conftest import ADA, step, template

pytestmark = pytest.mark.anyio
SECRET = "s3cr3t-of-ada-0451"

SHOWN = template(
    "secret",
    step("use", "say", input={"message": "the token is ${{ secrets.token }}", "made": "Bearer ${{ secrets.token }}"}),
    step("write", "write", input={"files": {"token.txt": "${{ secrets.token }}"}}),
    step("keep", "keep", input={}),
    step("break", "fail", input={"message": "with ${{ secrets.token }}"}),
    output={"leak": "${{ steps.use.output.made }}"},
)


async def test_secrets_are_nowhere_in_clear(each_shop) -> None:
    """Neither in the database, while it waits and after it failed, nor in events, log, audit and output."""
    async with each_shop(SHOWN) as shop:
        with captured_logs() as logged:
            id = await shop.create("secret", {}, secrets={"token": SECRET})
            assert await _find(shop) == []
            assert [bool(row[0]) for row in await shop.rows("SELECT secrets FROM scaffolder_task")] == [True]
            shop.acting.failing.add("break")
            await shop.work()
        task = await shop.get(id)
        assert task.state == "failed" and task.error["message"] == "RuntimeError: it broke: ***"
        assert "***" in await shop.messages(id)
        assert SECRET not in repr(logged)
        assert SECRET not in repr((await shop.portal.audit.list_events(limit=100)).items)
        assert await _find(shop) == []
        assert [row[0] for row in await shop.rows("SELECT secrets FROM scaffolder_task")] == [None]
        outputs = await shop.rows("SELECT output FROM scaffolder_task_step WHERE output IS NOT NULL")
        assert outputs and all(bytes(row[0])[:1] == b"\x00" for row in outputs)
        shop.acting.failing.clear()
        await shop.tasks.retry(id, secrets={"token": SECRET}, actor=ADA)
        await shop.work()
        task = await shop.get(id)
        assert (task.state, task.output) == ("completed", {"leak": "Bearer ***"})
        assert await _find(shop) == []
        assert await shop.rows("SELECT output FROM scaffolder_task_step WHERE output IS NOT NULL") == []


async def _find(shop) -> list[str]:
    """Files and tables that hold the secret."""
    needle = SECRET.encode()
    found = [str(path) for path in shop.data_dir.rglob("*") if path.is_file() and needle in path.read_bytes()]
    for table in ("task", "task_step", "task_event", "task_checkpoint", "workspace"):
        for row in await shop.rows(f"SELECT * FROM scaffolder_{table}"):
            if any(needle in (bytes(value) if isinstance(value, bytes) else str(value).encode()) for value in row):
                found.append(table)
    return found


async def test_secrets_that_the_template_wants(open_shop) -> None:
    """Problems name the field and never quote what was given."""
    wanted = {"schema": {"type": "object", "required": ["token"], "properties": {"token": {"enum": ["a", "b"]}}}}
    async with open_shop(template("wants", step("one", "note"), secrets=wanted)) as shop:
        with pytest.raises(ValuesRefused) as refused:
            await shop.create("wants")
        assert refused.value.problems[0].property == "secrets"
        with pytest.raises(ValuesRefused) as refused:
            await shop.create("wants", secrets={"token": SECRET})
        (problem,) = refused.value.problems
        assert (problem.property, problem.instance) == ("secrets.token", None)
        assert SECRET not in repr(problem)
        await shop.create("wants", secrets={"token": "a"})


async def test_secrets_of_the_settings_are_hidden_too(open_shop) -> None:
    """Steps see them in their inputs, people do not."""
    shown = template(
        "env",
        step("say", "say", input={"message": "${{ environment.secrets.KEY }} in ${{ environment.parameters.REGION }}"}),
    )
    settings = {"parameters": {"REGION": "eu"}, "secrets": {"KEY": SECRET}}
    async with open_shop(shown, defaultEnvironment=settings) as shop:
        task = await shop.run("env")
        assert "***" in await shop.messages(task.id)
        assert await _find(shop) == []


async def test_a_task_whose_key_is_gone_fails_with_a_reason(open_shop) -> None:
    """Its secrets cannot be had any more."""
    async with open_shop(SHOWN) as shop:
        id = await shop.create("secret", secrets={"token": SECRET})
        shop.scaffolder.parts.seals._sealer = Sealer(b"x" * 32)
        await shop.work()
        task = await shop.get(id)
        assert task.state == "failed" and "another key" in task.error["message"]
        assert shop.workspaces() == []


async def test_a_passphrase_of_the_settings_serves_all_replicas(open_shop) -> None:
    """No key is kept then."""
    async with open_shop(SHOWN, secrets={"key": "a long passphrase"}) as shop:
        shop.acting.failing.add("break")
        assert (await shop.run("secret", secrets={"token": SECRET})).state == "failed"
        assert not (shop.data_dir / "scaffolder.key").exists()


async def test_the_key_of_a_folder(tmp_path: Path) -> None:
    """Made once, readable by its owner only, and refused when it is none."""
    path = tmp_path / "key"
    key = read_key_file(path)
    assert read_key_file(path) == key and path.stat().st_mode & 0o777 == 0o600
    path.write_bytes(b"short")
    with pytest.raises(UnavailableError, match="no key of 32 bytes"):
        read_key_file(path)


async def test_what_is_sealed_opens_only_as_what_it_is() -> None:
    """Not with another key, not as something else, not changed."""
    sealer = Sealer(b"k" * 32)
    sealed = sealer.seal_json({"a": 1}, "one")
    assert sealer.load_json(sealed, "one") == {"a": 1}
    assert sealer.load_json(orjson.dumps([1]), "one") == [1]
    for opener, body, context in (
        (Sealer(b"o" * 32), sealed, "one"),
        (sealer, sealed, "two"),
        (sealer, sealed[:-1] + bytes([sealed[-1] ^ 1]), "one"),
    ):
        with pytest.raises(CannotOpen):
            opener.load_json(body, context)


@pytest.mark.parametrize("sealer", [None, Sealer(b"k" * 32)], ids=["plain", "sealed"])
async def test_a_workspace_comes_back_as_it_was(tmp_path: Path, sealer: Sealer | None) -> None:
    """Files of any size, modes, links, empty folders; and its fingerprint tells of every change."""
    root, back = tmp_path / "root", tmp_path / "back"
    (root / "deep" / "empty").mkdir(parents=True)
    (root / "big").write_bytes(bytes(range(256)) * 12_000)
    (root / "deep" / "tool").write_text("#!/bin/sh\n")
    (root / "deep" / "tool").chmod(0o755)
    (root / "link").symlink_to("deep/tool")
    (root / "twin").hardlink_to(root / "big")
    (root / "späße").write_text("ü")
    (root / "deep" / "empty").chmod(0o500)
    file = io.BytesIO()
    pack(root, file, sealer, "x")
    assert (b"#!/bin/sh" in file.getvalue()) is False
    back.mkdir()
    file.seek(0)
    unpack(file, back, sealer, "x")

    def image(folder: Path) -> dict[str, object]:
        return {
            str(path.relative_to(folder)): (
                path.lstat().st_mode,
                str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else None,
            )
            for path in folder.rglob("*")
        }

    assert image(back) == image(root)
    before = fingerprint(root)
    assert before and fingerprint(root) == before
    (root / "späße").write_text("ö")
    assert fingerprint(root) != before
    assert fingerprint(back / "deep" / "empty") == ""


async def test_secrets_must_be_texts(open_shop) -> None:
    """Anything else is refused before it is stored."""
    async with open_shop(SHOWN) as shop:
        with pytest.raises(Exception, match="must be a text"):
            await shop.tasks.create(NewTask("secret", {}, {"token": 3}), actor=ADA)  # type: ignore[dict-item]
