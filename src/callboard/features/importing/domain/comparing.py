"""How a planned entity differs from the one that stands, whatever the catalog itself wrote into that one."""

from __future__ import annotations

from typing import Any, Final, Mapping

_ADDED: Final = frozenset(
    ["backstage.io/managed-by-location", "backstage.io/managed-by-origin-location", "backstage.io/orphan"]
)
_DEFAULTED: Final = frozenset(["backstage.io/view-url", "backstage.io/edit-url", "backstage.io/source-location"])
"""Annotations that the catalog adds where the source does not say otherwise."""
MAX_DIFF: Final = 200


def diff_standing(standing: Mapping[str, Any], planned: Mapping[str, Any]) -> list[dict[str, Any]]:
    """{"op": add|remove|replace, "path", "from"?, "to"?} with JSON pointers, from what stands to what is planned.

    What the catalog adds by itself (uid, etag, relations, status, where an entity comes from) never counts. Lists are
    compared as a whole. More than ``MAX_DIFF`` differences are told as one.
    """
    changes: list[dict[str, Any]] = []
    _diff("", _plain(standing, planned), _plain(planned, planned), changes)
    if len(changes) > MAX_DIFF:
        return [{"op": "replace", "path": "", "note": f"{len(changes)} differences"}]
    return changes


def _plain(entity: Mapping[str, Any], planned: Mapping[str, Any]) -> dict[str, Any]:
    out = {key: value for key, value in entity.items() if key not in ("relations", "status", "metadata")}
    metadata = entity.get("metadata") or {}
    kept = {key: value for key, value in metadata.items() if key not in ("uid", "etag", "annotations")}
    kept.setdefault("namespace", "default")
    annotations = metadata.get("annotations")
    if isinstance(annotations, Mapping):
        said = (planned.get("metadata") or {}).get("annotations") or {}
        own = {
            key: value for key, value in annotations.items()
            if key not in _ADDED and (key not in _DEFAULTED or key in said)
        }  # fmt: skip
        if own:
            kept["annotations"] = own
    return {**out, "metadata": kept}


def _diff(path: str, old: Any, new: Any, out: list[dict[str, Any]]) -> None:
    if old == new and type(old) is type(new):
        return
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        out.append({"op": "replace", "path": path, "from": old, "to": new})
        return
    for key in old:
        pointer = f"{path}/{str(key).replace('~', '~0').replace('/', '~1')}"
        if key in new:
            _diff(pointer, old[key], new[key], out)
        else:
            out.append({"op": "remove", "path": pointer, "from": old[key]})
    for key in new:
        if key not in old:
            out.append(
                {"op": "add", "path": f"{path}/{str(key).replace('~', '~0').replace('/', '~1')}", "to": new[key]}
            )
