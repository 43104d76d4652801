"""A catalogue of any size, written as files, with what has to come of it: refs and relations, read by a rule of its own."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

BOTH_WAYS = {
    "ownedBy": "ownerOf", "partOf": "hasPart", "dependsOn": "dependencyOf", "providesApi": "apiProvidedBy",
    "consumesApi": "apiConsumedBy", "memberOf": "hasMember", "childOf": "parentOf",
}  # fmt: skip
PER_FILE = 50


_FIELDS = {"owner": "ownedBy", "system": "partOf"}
_LISTS = {
    "dependsOn": "dependsOn",
    "providesApis": "providesApi",
    "consumesApis": "consumesApi",
    "memberOf": "memberOf",
}


@dataclass
class Catalogue:
    """``documents`` by ref, in the files below the folder of ``root``."""

    root: Path
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    """Ref to the name of its file."""

    @property
    def refs(self) -> set[str]:
        return set(self.documents)

    def count(self, kind: str) -> int:
        return Counter(ref.partition(":")[0] for ref in self.documents)[kind]

    @property
    def relations(self) -> dict[str, set[tuple[str, str]]]:
        """For each ref, also of what is not there, the (type, target ref) that documents declare, from both ends."""
        found: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for ref, document in self.documents.items():
            spec = document["spec"]
            declared = [(type, spec[name]) for name, type in _FIELDS.items() if name in spec]
            declared += [(type, target) for name, type in _LISTS.items() for target in spec.get(name, ())]
            for type, target in declared:
                found[ref].add((type, target))
                found[target].add((BOTH_WAYS[type], ref))
        return found

    def add(self, kind: str, name: str, spec: dict[str, Any]) -> str:
        ref = f"{kind.lower()}:default/{name}"
        tags = [f"t{len(self.documents) % 7}", "made"]
        metadata = {"name": name, "description": f"{name} of a catalogue that was made", "tags": tags}
        self.documents[ref] = {"apiVersion": "backstage.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}
        return ref

    def change(self) -> int:
        """Retire every other component, have it depend on another, and remove every ninth; how many were retired. Written."""
        components = [ref for ref in self.documents if ref.startswith("component:")]
        retired = 0
        for number, ref in enumerate(components):
            if number % 9 == 4:
                del self.documents[ref]
            elif number % 2:
                retired += 1
                spec = self.documents[ref]["spec"]
                spec["lifecycle"], spec["dependsOn"] = "retired", [components[(number * 5 + 2) % len(components)]]
        _write(self.root.parent, self)
        return retired


def write_catalogue(folder: Path, size: int) -> Catalogue:
    """``size`` entities beside the Locations: half of them in one file, the others 50 a file, related across all files."""
    folder.mkdir(parents=True)
    made = Catalogue(folder / "all.yaml")
    groups = [made.add("Group", f"team-{n}", {"type": "team", "children": []}) for n in range(max(2, size // 50))]
    for n in range(size // 10):
        team = groups[n % len(groups)]
        made.add("User", f"person-{n}", {"memberOf": [team]})
    systems = []
    for n in range(size // 20):
        team = groups[n * 3 % len(groups)]
        systems.append(made.add("System", f"system-{n}", {"owner": team}))
    apis = []
    for n in range(size // 5):
        team, system = groups[n * 5 % len(groups)], systems[n % len(systems)]
        spec = {
            "type": "openapi",
            "lifecycle": "production",
            "owner": team,
            "system": system,
            "definition": "openapi: 3.1.0\n",
        }
        apis.append(made.add("API", f"api-{n}", spec))
    rest = size - len(made.documents)
    for n in range(rest):
        team, system = groups[n * 7 % len(groups)], systems[n * 11 % len(systems)]
        provided, consumed, other = (
            apis[n % len(apis)],
            apis[(n * 13 + 1) % len(apis)],
            f"component:default/service-{(n * 17 + 5) % rest}",
        )
        spec = {
            "type": ("service", "website", "library")[n % 3], "lifecycle": ("production", "experimental")[n % 2], "owner": team,
            "system": system, "providesApis": [provided], "consumesApis": [consumed], "dependsOn": [other],
        }  # fmt: skip
        made.add("Component", f"service-{n}", spec)
    _write(folder, made)
    return made


def _write(folder: Path, made: Catalogue) -> None:
    by_file: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for number, (ref, document) in enumerate(made.documents.items()):
        if document["kind"] != "Location":
            file = made.files.setdefault(
                ref, "part-0.yaml" if number % 2 else f"part-{1 + number // (2 * PER_FILE)}.yaml"
            )
            by_file[file].append(document)
    places: dict[str, list[str]] = defaultdict(list)
    for number, (file, documents) in enumerate(sorted(by_file.items())):
        (folder / file).write_bytes(b"\n---\n".join(orjson.dumps(document) for document in documents))
        places[f"place-{number % 4}"].append(f"./{file}")
    for name, targets in places.items():  # the files hang on four Locations, which hang on the root
        place = {
            "apiVersion": "backstage.io/v1alpha1",
            "kind": "Location",
            "metadata": {"name": name},
            "spec": {"targets": targets},
        }
        made.documents[f"location:default/{name}"] = place
    root = [document for document in made.documents.values() if document["kind"] == "Location"]
    made.root.write_bytes(b"\n---\n".join(orjson.dumps(place) for place in root))
