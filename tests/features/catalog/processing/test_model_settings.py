"""``catalog.model``: kinds from the settings."""

from pathlib import Path
from typing import Any

import pytest

from callboard.features.catalog.processing.model_settings import load_registry
from callboard.model.kinds import KindError

KIND = {"group": "example.com", "names": {"kind": "Dataset"}, "versions": [{"name": "v1"}]}


def test_kinds_come_from_layers_files_settings_and_plugins(tmp_path: Path) -> None:
    """All four, beside the built-in ones; files by glob, relative to the folder of the settings."""
    (tmp_path / "kinds").mkdir()
    (tmp_path / "kinds" / "a.yaml").write_text("group: x.example\nnames: {kind: Robot}\nversions: [{name: v1}]\n")
    plugin = [{**KIND, "names": {"kind": "Plug"}}]
    registry = load_registry(
        {"layers": ["ai-resource"], "files": ["./kinds/*.yaml"], "kinds": [KIND]}, tmp_path.resolve(), [plugin]
    )
    assert {"Component", "AiResource", "Robot", "Dataset", "Plug"} <= set(registry.list_kinds())
    assert registry.find_version({"apiVersion": "x.example/v1", "kind": "Robot"}) is not None


def test_no_settings_give_the_built_in_kinds(tmp_path: Path) -> None:
    """Nine of them."""
    assert len(load_registry(None, tmp_path).list_kinds()) == 9


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({"layers": ["nope"]}, "No layer is called nope"),
        ({"layers": "ai-resource"}, "catalog.model.layers must be a list"),
        ({"files": ["none.yaml"]}, "cannot read"),
        ({"kinds": {}}, "catalog.model.kinds must be a list"),
        ({"kinds": [1]}, "must be a mapping"),
        ({"kind": []}, "has no key kind"),
    ],
)
def test_bad_settings_say_which_part(model: Any, words: str, tmp_path: Path) -> None:
    """With the key, so that it can be found."""
    with pytest.raises(KindError, match=words):
        load_registry(model, tmp_path)
