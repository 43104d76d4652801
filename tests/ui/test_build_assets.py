"""The vendored browser files: what is shipped, how large it is, and that nothing is fetched twice."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from callboard.ui import build_assets
from callboard.ui.icons import ICONS

ROOT = Path(__file__).resolve().parents[2]


def test_the_lock_pins_versions_and_names_no_registry() -> None:
    """Exact versions in ``package.json``, hashes in the lock, and no address of any registry in either."""
    package = json.loads((ROOT / "package.json").read_text())
    assert all(v[0].isdigit() for group in ("dependencies", "devDependencies") for v in package[group].values())
    lock = (ROOT / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    packages = json.loads(lock)["packages"]
    assert all("integrity" in value for name, value in packages.items() if name)


def test_the_sprite_holds_every_icon_and_nothing_else(tmp_path: Path) -> None:
    """One symbol for each name of ``ICONS``; a picture that is not there is an error that names it."""
    for file in set(ICONS.values()):
        (tmp_path / f"{file}.svg").write_text('<!-- licence -->\n<svg\n  class="x">\n  <path d="M1 1" />\n</svg>\n')
    sprite = build_assets.build_sprite(tmp_path)
    assert sprite.count("<symbol") == len(ICONS)
    assert '<symbol id="home" viewBox="0 0 24 24"><path d="M1 1"/></symbol>' in sprite
    (tmp_path / f"{ICONS['home']}.svg").unlink()
    with pytest.raises(build_assets.AssetError, match="house"):
        build_assets.build_sprite(tmp_path)


def test_a_touched_file_is_noticed(tmp_path: Path) -> None:
    """A manifest holds only while inputs and files are as they were."""
    (tmp_path / "a.js").write_text("1")
    digest = "d" * 64
    files = {"a.js": {"sha256": build_assets.hashlib.sha256(b"1").hexdigest(), "size_bytes": 1}}
    (tmp_path / "manifest.json").write_text(json.dumps({"inputs": digest, "files": files}))
    assert build_assets.is_current(tmp_path, digest)
    assert not build_assets.is_current(tmp_path, "e" * 64)
    (tmp_path / "a.js").write_text("2")
    assert not build_assets.is_current(tmp_path, digest)
    assert not build_assets.is_current(tmp_path / "absent", digest)


@pytest.mark.npm
def test_building_twice_does_nothing_the_second_time(tmp_path: Path) -> None:
    """Fonts come to at most 60 KB, the editor to at most 250 KB packed, and a second run finds everything in place."""
    if not (ROOT / "node_modules" / "esbuild").is_dir():
        pytest.skip("node_modules is not there: run `make setup`")
    digest = build_assets.input_digest(ROOT)
    build_assets.write_vendor(ROOT / "node_modules", tmp_path / "vendor", digest)
    assert build_assets.is_current(tmp_path / "vendor", digest)
    fonts = sum(f.stat().st_size for f in (tmp_path / "vendor").glob("*.woff2"))
    assert 0 < fonts <= 60_000
    editor = (tmp_path / "vendor" / "yaml-editor.js").read_bytes()
    assert b"cm-editor" in editor and len(gzip.compress(editor)) <= 250_000
    assert "Marijn Haverbeke" in (tmp_path / "vendor" / "LICENSES.txt").read_text()
    assert not build_assets.build(ROOT, tmp_path / "vendor")


@pytest.mark.npm
def test_a_bundle_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    """The message names the file and repeats what esbuild found."""
    if not (ROOT / "node_modules" / "esbuild").is_dir():
        pytest.skip("node_modules is not there: run `make setup`")
    (tmp_path / "broken.js").write_text("import { x } from 'no-such-package';\nx();\n")
    with pytest.raises(build_assets.AssetError, match=r"(?s)broken\.js.*no-such-package"):
        build_assets.bundle(ROOT / "node_modules", tmp_path / "broken.js")
