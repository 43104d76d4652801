"""Examples in the documents work: blocks after ``<!-- test: … -->`` are run.

=========== ==========================================================================================
mark        what is done with the block
=========== ==========================================================================================
file NAME   written as NAME into the document's own folder
bash        run there; must exit with 0
settings    loaded as app-config.yaml; must have no unknown key
policy      parsed as a permission policy
kind        parsed as a kind definition
entity      validated as a descriptor of a built-in kind
=========== ==========================================================================================
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from callboard.kernel.policy_file import parse_policy_text
from callboard.kernel.settings import CORE_SETTINGS, Settings
from callboard.model.documents import iter_documents
from callboard.model.kinds import KindRegistry, parse_layer

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(
    r"<!-- test: (?P<mark>\w+)(?: (?P<name>\S+))? -->\n```\w*\n(?P<text>.*?)^```", re.DOTALL | re.MULTILINE
)


def blocks(path):
    return [(m["mark"], m["name"], m["text"]) for m in BLOCK.finditer(path.read_text(encoding="utf-8"))]


DOCUMENTS = [p for p in sorted((ROOT / "docs").rglob("*.md")) if blocks(p)]


def run_file(folder, name, text):
    (folder / name).write_text(text)


def run_bash(folder, _name, text):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=folder,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def run_settings(folder, _name, text):
    from callboard.app import BUILTINS
    from callboard.kernel.plugins.loader import PluginManager

    file = folder / "settings-under-test.yaml"
    file.write_text(text)
    names = set(re.findall(r"\$\{(\w+)", text))
    settings = Settings.load([file], env=dict.fromkeys(names, "value"))
    manager = PluginManager(settings)
    manager.load(BUILTINS, installed=False)
    rows = [*CORE_SETTINGS, *manager.collect("register_settings")]
    assert list(settings.checked(rows).warnings) == []


def run_policy(folder, _name, text):
    document = parse_policy_text(text, str(folder / "policy.yaml"))
    assert document.roles


def run_kind(_folder, _name, text):
    definitions = parse_layer(text)
    assert definitions
    KindRegistry.built_in(definitions)


def run_entity(_folder, _name, text):
    registry = KindRegistry.built_in()
    for document in iter_documents(text.encode()):
        assert document.problem is None
        assert registry.find_version(document.value) is not None


RUNNERS = {
    "file": run_file, "bash": run_bash, "settings": run_settings, "policy": run_policy, "kind": run_kind, "entity": run_entity,
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT / "docs")))
def test_the_examples_of_a_document_work(path, tmp_path):
    """What a reader copies does what the document says."""
    for mark, name, text in blocks(path):
        RUNNERS[mark](tmp_path, name, text)


def test_every_mark_is_understood():
    """A misspelt mark would be a block that nobody runs."""
    marks = [
        m for p in (ROOT / "docs").rglob("*.md") for m in re.findall(r"<!-- test: (\w+)", p.read_text(encoding="utf-8"))
    ]
    assert set(marks) <= set(RUNNERS)
    assert len(marks) == sum(len(blocks(p)) for p in DOCUMENTS)
