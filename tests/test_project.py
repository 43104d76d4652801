"""The project itself: locks, versions, make targets, and what must not lie in the repository."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
import zipfile
from functools import cache
from pathlib import Path

import pytest

import callboard

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


@cache
def project_files() -> tuple[Path, ...]:
    """Files that belong to the project: tracked, or not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    paths = (ROOT / name for name in listed.stdout.decode().split("\0") if name)
    return tuple(path for path in paths if path.is_file())


def pins(lock):
    return dict(
        re.findall(r"^([a-z0-9][\w.-]*)(?:\[[^\]]*\])?==([^\s;]+)", lock.read_text(encoding="utf-8"), re.MULTILINE)
    )


@pytest.mark.parametrize("lock", LOCKS, ids=lambda p: p.name)
def test_locks_name_no_registry(lock):
    """A lock says what and with which hash; where from is the business of whoever installs."""
    text = lock.read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*(-i|-f|--index-url|--extra-index-url|--find-links|--trusted-host)\b", text, re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda p: p.name)
def test_every_pin_has_hashes(lock):
    """pip refuses a lock in which one requirement has no hash; so does this test, earlier."""
    blocks = re.split(r"^(?=[a-z0-9])", lock.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert [b.split()[0] for b in blocks if "==" in b and "--hash=sha256:" not in b] == []
    assert any("==" in b for b in blocks)


def test_locks_agree():
    """What runs is what was tested: a package has one version in all locks."""
    everything = pins(ROOT / "requirements" / "dev.txt")
    for lock in LOCKS:
        assert {n: v for n, v in pins(lock).items() if everything.get(n) != v} == {}, lock.name


def test_core_holds_every_dependency():
    """A dependency that pyproject.toml names is in the lock."""
    names = {re.split(r"[\[<>=!~ ]", d)[0].lower() for d in PYPROJECT["project"]["dependencies"]}
    assert names - set(pins(ROOT / "requirements" / "core.txt")) == set()


def test_npm_lock_names_no_registry():
    """Versions and hashes, no download addresses."""
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    assert [name for name, package in lock["packages"].items() if "resolved" in package] == []
    assert all("integrity" in package for name, package in lock["packages"].items() if name and not package.get("link"))


def test_npm_versions_are_exact():
    """A range in package.json would be resolved anew by whoever runs npm install."""
    package = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
    wanted = {**package.get("dependencies", {}), **package.get("devDependencies", {})}
    assert {name: v for name, v in wanted.items() if not re.fullmatch(r"\d+\.\d+\.\d+(-[\w.]+)?", v)} == {}


def test_third_party_front_end_files_are_not_committed():
    """They are copied from the locked packages at build time."""
    vendored = [p for p in project_files() if {"vendor", "node_modules"} & set(p.relative_to(ROOT).parts)]
    assert vendored == []
    assert [
        p for p in project_files() if p.suffix in (".woff2", ".woff", ".ttf", ".otf") or p.name.endswith(".min.js")
    ] == []


def test_no_large_or_generated_files_are_committed():
    """Bytes that nobody reads stay out: databases, archives, caches, anything above 1 MB but the locks and pictures."""
    bad = {".db", ".sqlite3", ".zip", ".gz", ".whl", ".pyc", ".so"}
    assert [p for p in project_files() if p.suffix in bad] == []
    limit = 1_000_000
    assert [p for p in project_files() if p.stat().st_size > limit and p.suffix not in (".txt", ".png", ".json")] == []


def test_the_version_is_one():
    """Package, changelog and npm's package.json speak of the same version."""
    version = PYPROJECT["project"]["version"]
    assert callboard.__version__ == version
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["version"] == version


def test_every_make_target_says_what_it_does():
    """`make` lists all targets that people call; one without a text would be invisible."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = set(re.search(r"^\.PHONY:(.*)$", text, re.MULTILINE)[1].split()) - {"browser", "force"}
    described = set(re.findall(r"^([a-z-]+):.*  ## \S", text, re.MULTILINE))
    assert phony == described
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert [t for t in sorted(phony) if f"make {t} " not in shown] == []


def test_the_targets_that_documents_name_exist():
    """`make something` in a document can be typed."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set()
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")):
        named |= set(re.findall(r"(?:^|`)make ([a-z]+)\b", path.read_text(encoding="utf-8"), re.MULTILINE))
    assert named - targets == set()


def test_the_build_server_runs_everything_without_a_terminal():
    """.ci/run is executable and calls make test with nothing on standard input."""
    run = ROOT / ".ci" / "run"
    assert run.stat().st_mode & 0o111
    assert "make test </dev/null" in run.read_text(encoding="utf-8")


def test_the_licence_is_apache():
    """The whole text, as pyproject.toml says."""
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert PYPROJECT["project"]["license"] == "Apache-2.0"
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_lint_exceptions_have_reasons():
    """Every line of exceptions in pyproject.toml ends in a comment."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = text[text.index("\nignore = [") : text.index("\n]", text.index("\nignore = ["))]
    lines = [line.strip() for line in block.splitlines()[2:] if line.strip() and not line.strip().startswith("#")]
    assert [line for line in lines if "#" not in line] == []


def test_the_container_takes_the_locked_packages():
    """The image installs with hashes, runs as nobody in particular, and says whether it is healthy."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    installs = re.findall(r"pip install [^\n]*(?:\\\n[^\n]*)*", text)
    assert all("--require-hashes" in i or "--no-deps" in i for i in installs)
    assert "\nUSER callboard" in text
    assert "HEALTHCHECK" in text
    copied = {part for line in re.findall(r"^COPY (?!--from)(.*)$", text, re.MULTILINE) for part in line.split()[:-1]}
    assert [part for part in copied if not (ROOT / part).exists()] == []


@pytest.mark.slow
def test_the_wheel_has_everything_that_runs(tmp_path):
    """Front-end files, templates, tables, message catalogs and the licence are in; tests and caches are not."""
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)],
        check=True,
        capture_output=True,
    )
    [wheel] = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    vendor = ROOT / "src" / "callboard" / "ui" / "static" / "vendor"
    missing = [
        str(p.relative_to(ROOT / "src"))
        for p in (ROOT / "src" / "callboard").rglob("*")
        if p.is_file() and "__pycache__" not in p.parts and str(p.relative_to(ROOT / "src")) not in names
    ]
    assert missing == []
    assert (vendor / "manifest.json").is_file()
    assert [n for n in names if "__pycache__" in n or n.startswith(("tests/", "docs/"))] == []
    assert any(n.endswith("licenses/LICENSE") for n in names)
