"""The compatible build: what of a site's configuration gets through, and what a build may do."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml

from callboard.features.techdocs.building.build import build
from callboard.features.techdocs.building.config import build_config
from callboard.features.techdocs.building.environment import ensure_environment, environment_path
from callboard.kernel.errors import InputError, UnavailableError

HOSTILE = """
site_name: Payments
docs_dir: docs
INHERIT: ../base.yml
hooks: [evil.py]
extra_javascript: [evil.js]
site_dir: /etc
theme:
  name: material
  custom_dir: overrides
plugins:
  - macros
  - redirects: {redirect_maps: {old.md: index.md}}
markdown_extensions:
  - toc: {permalink: true}
  - plantuml_markdown: {plantuml_cmd: "sh -c id"}
  - pymdownx.snippets: {base_path: [/etc], url_download: true}
  - pymdownx.emoji:
      emoji_index: !!python/name:materialx.emoji.twemoji
      emoji_generator: !!python/name:os.system
"""


def test_only_what_backstage_lets_through_reaches_mkdocs():
    """Keys, plugins and options that run code are left out and told; names of Python stay only where they are known."""
    text, problems = build_config(HOSTILE, site_name="x")
    assert "os.system" not in text
    assert "!!python/name:materialx.emoji.twemoji" in text
    read = yaml.safe_load(text.replace("!!python/name:materialx.emoji.twemoji", ""))
    assert sorted(read) == ["docs_dir", "markdown_extensions", "plugins", "site_name", "theme"]
    assert read["theme"] == {"name": "material"}
    assert read["plugins"] == [{"redirects": {"redirect_maps": {"old.md": "index.md"}}}, "techdocs-core"]
    extensions = {
        name: options
        for row in read["markdown_extensions"]
        for name, options in (row.items() if isinstance(row, dict) else [(row, None)])
    }
    assert extensions["plantuml_markdown"] is None
    assert extensions["pymdownx.snippets"] == {"base_path": ["."], "restrict_base_path": True, "url_download": False}
    told = " ".join(problem.message for problem in problems)
    for word in ("INHERIT", "hooks", "extra_javascript", "custom_dir", "macros", "plantuml_cmd"):
        assert word in told


def test_the_operator_may_let_more_through_but_no_hooks():
    """Additional plugins and keys of the settings; ``hooks`` and ``INHERIT`` never."""
    text, _ = build_config(
        HOSTILE, site_name="x", plugins=frozenset({"macros"}), keys=frozenset({"hooks", "extra_javascript"})
    )
    read = yaml.safe_load(text.replace("!!python/name:materialx.emoji.twemoji", ""))
    assert "macros" in read["plugins"]
    assert ("hooks" in read, "extra_javascript" in read) == (False, True)


def test_a_site_without_configuration_gets_one():
    """Backstage's default; pages outside of the site are refused."""
    text, _ = build_config(None, site_name="Payments")
    assert yaml.safe_load(text) == {"site_name": "Payments", "plugins": ["techdocs-core"]}
    for docs_dir in ("../x", "/etc"):
        with pytest.raises(InputError, match="leads out"):
            build_config(f"docs_dir: {docs_dir}\n", site_name="x")


def mkdocs(folder: Path, script: str) -> Path:
    """A program in the place of the environment's Python."""
    path = folder / "python"
    path.write_text(
        f"#!/bin/sh\nwhile [ $# -gt 0 ]; do case $1 in -d) out=$2;; -f) cfg=$2;; esac; shift; done\n{script}\n"
    )
    path.chmod(0o755)
    return path


def site(folder: Path) -> Path:
    (folder / "docs").mkdir(parents=True)
    (folder / "README.md").write_text("# Read me\n")
    (folder / "mkdocs.yml").write_text(HOSTILE)
    (folder / "evil.py").write_text("raise SystemExit")
    return folder


def test_a_build_gets_the_site_alone_and_leaves_metadata(tmp_path, monkeypatch):
    """No secrets of who builds, no files besides; README.md stands in for the first page; the old build is replaced."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sesame")
    python = mkdocs(
        tmp_path,
        'env; find "$(dirname "$cfg")" -type f; printf "\\033[31mred\\007\\n"; mkdir -p "$out"; cp "$(dirname "$cfg")/docs/index.md" "$out/index.html"',
    )
    said: list[str] = []
    built = build(site(tmp_path / "src"), tmp_path / "out", python, site_name="x", tell=said.append, etag="abc")
    assert built.files == ["index.html", "techdocs_metadata.json"]
    metadata = json.loads((tmp_path / "out" / "techdocs_metadata.json").read_text())
    assert (metadata["site_name"], metadata["files"], metadata["etag"]) == ("Payments", built.files, "abc")
    text = "\n".join(said)
    assert "sesame" not in text
    assert "evil.py" not in text
    assert said[-1] == "red"
    assert build(tmp_path / "src", tmp_path / "out", python, site_name="x", tell=said.append).files == built.files
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="no built site"):
        build(tmp_path / "src", tmp_path / "mine", python, site_name="x", tell=said.append)
    assert (tmp_path / "mine" / "thesis.txt").is_file()


def test_a_build_that_fails_or_hangs_says_so(tmp_path):
    """What mkdocs said last stands in the error; one that hangs is ended with its children; the old build stays."""
    source = site(tmp_path / "src")
    failing = mkdocs(
        tmp_path, 'i=0; while [ $i -lt 500 ]; do echo line $i; i=$((i+1)); done; echo "ERROR - no nav"; exit 1'
    )
    said: list[str] = []
    with pytest.raises(InputError, match="no nav"):
        build(source, tmp_path / "out", failing, site_name="x", tell=said.append)
    assert len(said) == 401
    with pytest.raises(UnavailableError, match="did not finish"):
        build(source, tmp_path / "out", mkdocs(tmp_path, "sleep 60"), site_name="x", tell=said.append, timeout_s=0.2)
    assert not (tmp_path / "out").exists()


def test_an_environment_is_made_once(tmp_path):
    """One that is ready is used without asking anybody; a version that is none is refused."""
    place = environment_path(tmp_path, "1.7.1")
    (place / "bin").mkdir(parents=True)
    (place / "bin" / "python").write_text("")
    (place / ".ready").write_text("")
    assert ensure_environment(tmp_path, tell=pytest.fail) == place / "bin" / "python"
    with pytest.raises(InputError, match="no version"):
        ensure_environment(tmp_path, version="1; rm -rf /", tell=pytest.fail)


@pytest.mark.soak
def test_without_a_package_index_the_reason_is_told(tmp_path, monkeypatch):
    """What is missing, and that reading needs no build; nothing half made is left."""
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(UnavailableError, match="needs no build"):
        ensure_environment(tmp_path, tell=lambda line: None)
    assert os.listdir(tmp_path / "techdocs") == []
