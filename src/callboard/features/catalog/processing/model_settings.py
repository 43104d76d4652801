"""``catalog.model`` in the settings: which kinds are valid besides the built-in ones.

.. code-block:: yaml

    catalog:
      model:
        layers: [ai-resource, mcp-server]   # optional layers that come with Callboard
        files: [./kinds/*.yaml]             # model layers as YAML, relative to the settings file
        kinds:                              # or right here
          - group: example.com
            names: {kind: Dataset}
            versions: [{name: v1}]

The form of a kind is told in ``callboard.model.kinds``. Layers apply in this order, after those of plugins.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterable, Literal, Mapping, Sequence

from callboard.model.builtin_kinds import optional_layers
from callboard.model.kinds import KindError, KindRegistry, LayerItem, parse_item, parse_layer

_KEYS = frozenset(("layers", "files", "kinds"))


Layer = Iterable[LayerItem | Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class NamedLayer:
    """A layer with where it comes from: ``plugin``, or the part of the settings (``layers``, ``files``, ``kinds``)."""

    origin: Literal["plugin", "layers", "files", "kinds"]
    items: Sequence[LayerItem]


def load_registry(model: Mapping[str, Any] | None, folder: Path, plugin_layers: Iterable[Layer] = ()) -> KindRegistry:
    """The kinds that are valid here. Arguments and errors as ``load_layers``."""
    return KindRegistry.built_in(*(layer.items for layer in load_layers(model, folder, plugin_layers)))


def load_layers(
    model: Mapping[str, Any] | None, folder: Path, plugin_layers: Iterable[Layer] = ()
) -> Sequence[NamedLayer]:
    """All layers beside the built-in kinds. ``model`` is ``catalog.model`` (None when absent), ``folder`` what files are relative to.

    Raises:
        KindError: an unknown layer or key, a file that is not there, or a definition that cannot be used.
    """
    model = model or {}
    unknown = sorted(set(model) - _KEYS)
    if unknown:
        raise KindError(f"catalog.model has no key {unknown[0]}; there are {', '.join(sorted(_KEYS))}")
    kinds = model.get("kinds", [])
    if not isinstance(kinds, list):
        raise KindError("catalog.model.kinds must be a list")
    layers = [NamedLayer("plugin", [parse_item(item) for item in layer]) for layer in plugin_layers]
    layers += [NamedLayer("layers", [*layer]) for layer in optional_layers(_texts(model, "layers"))]
    for pattern in _texts(model, "files"):
        layers += [NamedLayer("files", layer) for layer in _read_layers(folder, pattern)]
    return [*layers, NamedLayer("kinds", [parse_item(item) for item in kinds])]


def _texts(model: Mapping[str, Any], key: str) -> list[str]:
    value = model.get(key) or []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise KindError(f"catalog.model.{key} must be a list of texts")
    return value


def _read_layers(folder: Path, pattern: str) -> list[list[LayerItem]]:
    path = folder / pattern
    paths = sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor)))) if "*" in pattern else [path]
    layers = []
    for file in paths:
        try:
            layers.append(parse_layer(file.read_text("utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            raise KindError(f"catalog.model.files: cannot read {file}: {error}") from error
        except KindError as error:
            raise KindError(f"{file}: {error}") from error
    return layers
