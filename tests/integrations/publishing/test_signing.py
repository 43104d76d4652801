"""Commits signed with the OpenPGP key of the settings: git itself verifies them, and nothing of the key stays behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Iterator

import pytest

from callboard.integrations.git import plugin, signing
from callboard.kernel.errors import InputError, UnavailableError
from callboard.kernel.publishing.signing import signing_key_of
from callboard.kernel.settings import Settings
from tests.integrations.publishing.conftest import Bench
from tests.integrations.publishing.steps import Steps, portal_of

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(
        shutil.which("gpg") is None, reason="no gpg on the PATH: signing commits needs it, and nothing else does"
    ),
]


class Keys:
    """A key ring of whoever looks at the commits, and private keys as people export them."""

    def __init__(self, home: Path) -> None:
        self.home = home
        (home / "gpg-agent.conf").write_text("s2k-count 65536\n")  # it would measure for seconds what is slow enough
        self.plain = self._make("ci@example.org", "")
        self.locked = self._make("locked@example.org", "word")

    def gpg(self, *arguments: str) -> str:
        done = subprocess.run(
            ["gpg", "--batch", "--no-tty", "--pinentry-mode", "loopback", *arguments],
            env={**os.environ, "GNUPGHOME": str(self.home)}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout

    def _make(self, mail: str, word: str) -> str:
        self.gpg("--passphrase", word, "--quick-gen-key", mail, "ed25519", "sign", "never")
        return self.gpg("--passphrase", word, "--armor", "--export-secret-keys", mail)

    def verify(self, repository: Path, commit: str) -> str:
        done = subprocess.run(
            ["git", "-c", "safe.directory=*", "verify-commit", "--raw", commit], cwd=repository,
            env={**os.environ, "GNUPGHOME": str(self.home)}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.stderr


@pytest.fixture(scope="module")
def keys() -> Iterator[Keys]:
    with tempfile.TemporaryDirectory(prefix="keys-") as folder:
        yield Keys(Path(folder))
        subprocess.run(["gpgconf", "--homedir", folder, "--kill", "all"], check=True)


@pytest.fixture(autouse=True)
def memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of the test's own in place of the one that all processes share; short, as sockets lie in it."""
    with tempfile.TemporaryDirectory(prefix="m-") as folder:
        monkeypatch.setattr(signing, "_MEMORY", Path(folder))
        yield Path(folder)


def left_in(memory: Path) -> set[str]:
    """Homes of gpg that are left, and agents that run for one. An agent that was told to end takes a moment."""
    until = time.monotonic() + 10
    while (left := _left_now(memory)) and time.monotonic() < until:
        time.sleep(0.05)
    return left


def _left_now(memory: Path) -> set[str]:
    agents = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            agents.append(place.read_text())
        except OSError:
            continue
    return {str(one) for one in memory.iterdir()} | {one for one in agents if str(memory) in one}


def local(tmp_path: Path, clock: Any, **scaffolder: str) -> tuple[Steps, Path]:
    (tmp_path / "served").mkdir(exist_ok=True)
    rows = {"integrations": {"git": [{"path": str(tmp_path / "served")}]}, "scaffolder": scaffolder}
    portal = portal_of(Settings.of(rows), None, clock, tmp_path / "data")
    portal.add(plugin.register_services(portal))
    return Steps(plugin.register_actions(portal), tmp_path / "task"), tmp_path / "served" / "a.git"


@pytest.mark.parametrize("form", ["as exported", "in one line"])
async def test_a_commit_is_signed_with_the_key_of_the_settings(
    tmp_path: Path, clock: Any, keys: Keys, memory: Path, form: str
):
    """Also where the key came by an environment variable; agent and key are gone, and no word of it is in the log."""
    key = keys.plain if form == "as exported" else keys.plain.strip().replace("\n", "\\n")
    steps, repository = local(tmp_path, clock, defaultCommitSigningKey=key)
    output = await steps.run("publish:git", remoteUrl=f"file://{repository}", signCommit=True)
    told = keys.verify(repository, output["commitHash"])
    assert "GOODSIG" in told and "ci@example.org" in told
    assert left_in(memory) == set()
    assert "PRIVATE KEY" not in repr((output, steps.step.lines, steps.step.kept))


async def test_only_what_is_to_be_signed_is_signed(tmp_path: Path, clock: Any, keys: Keys):
    """A key in the settings alone signs nothing: the step says so."""
    steps, repository = local(tmp_path, clock, defaultCommitSigningKey=keys.plain)
    output = await steps.run("publish:git", remoteUrl=f"file://{repository}")
    assert keys.verify(repository, output["commitHash"]) == ""


@pytest.mark.parametrize("kind", ["none", "words", "public", "locked"])
async def test_nothing_goes_out_unsigned_that_was_to_be_signed(
    tmp_path: Path, clock: Any, keys: Keys, memory: Path, kind: str
):
    """Without a key, with something else, with a public one, with one that wants a passphrase."""
    key = {
        "none": "",
        "words": "s3cret-words",
        "public": keys.gpg("--armor", "--export", "ci@example.org"),
        "locked": keys.locked,
    }[kind]
    steps, repository = local(tmp_path, clock, defaultCommitSigningKey=key)
    with pytest.raises(InputError, match=r"defaultCommitSigningKey|private key|passphrase") as refused:
        await steps.run("publish:git", remoteUrl=f"file://{repository}", signCommit=True)
    assert "s3cret-words" not in refused.value.message and "BEGIN PGP" not in refused.value.message[80:]
    assert not [one for one in repository.glob("refs/heads/*") if one.is_file()]
    assert left_in(memory) == set()


async def test_without_gpg_it_is_said_what_to_install(
    tmp_path: Path, clock: Any, keys: Keys, monkeypatch: pytest.MonkeyPatch
):
    """Git alone is not enough."""
    program = shutil.which("git")
    assert program is not None
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").symlink_to(program)
    steps, repository = local(tmp_path, clock, defaultCommitSigningKey=keys.plain)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(UnavailableError, match="gpg is not installed"):
        await steps.run("publish:git", remoteUrl=f"file://{repository}", signCommit=True)


@pytest.mark.parametrize("other_bench", ["gitea"], indirect=True)
async def test_a_host_has_a_key_of_its_own(other_bench: Bench, keys: Keys):
    """It comes before the one for all; what cannot be signed is refused before a repository is made."""
    forge, row = other_bench.forge, {"repoUrl": f"{other_bench.forge.host}?owner=acme&repo=tools", "signCommit": True}
    with pytest.raises(InputError, match="no key"):
        await other_bench.run("publish:gitea", **row)
    assert not forge.has("acme/tools")
    entry = other_bench._settings["integrations"]["gitea"][0]
    rows = {"gitea": [{**entry, "commitSigningKey": keys.plain}]}
    other_bench.start(integrations=rows, scaffolder={"defaultCommitSigningKey": "none"})
    output = await other_bench.run("publish:gitea", **row)
    assert "GOODSIG" in keys.verify(forge.root / "acme/tools.git", output["commitHash"])


@pytest.mark.parametrize(
    ("kind", "row", "url"),
    [
        ("github", {"commitSigningKey": "own"}, "https://github.com/acme/tools.git"),
        ("gitlab", {"host": "git.test", "baseUrl": "https://code.test/x", "commitSigningKey": "own"}, "https://code.test/x/a.git"),
        ("bitbucketServer", {"host": "bb.test:7990", "commitSigningKey": "own"}, "https://bb.test:7990/scm/a.git"),
        ("azure", {"commitSigningKey": "own"}, "https://acme@dev.azure.com/acme/p/_git/a"),
    ],
)  # fmt: skip
def test_the_key_is_that_of_the_host(kind: str, row: dict[str, str], url: str):
    """By its name, that of its pages, or the public host of its kind; elsewhere it is the one for all."""
    settings = Settings.of({"integrations": {kind: [row]}, "scaffolder": {"defaultCommitSigningKey": "all"}})
    assert signing_key_of({"signCommit": True}, settings, url) == "own"
    assert signing_key_of({"signCommit": True}, settings, "https://else.test/a.git") == "all"
    assert signing_key_of({"signCommit": False}, settings, url) is None
