"""The example organisation is one that people believe: refs lead somewhere, every kind is there, and its two mistakes are the only ones."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from callboard.model.documents import iter_documents
from callboard.model.kinds import KindRegistry
from callboard.model.refs import EntityRef

ROOT = Path(__file__).resolve().parents[1] / "examples" / "organisation"
REGISTRY = KindRegistry.built_in()
FILES = sorted(
    p
    for p in ROOT.rglob("*.yaml")
    if "skeleton" not in p.parts and not re.search(r"openapi|asyncapi|app-config|mkdocs", p.name)
)


def documents():
    for path in FILES:
        for document in iter_documents(path.read_bytes()):
            assert document.problem is None, f"{path}: {document.problem}"
            yield path, document.value


def relations():
    """(source, relation, target) for every ref that a document names."""
    for _, entity in documents():
        version = REGISTRY.find_version(entity)
        for field in version.relation_fields:
            value = entity
            for step in field.path:
                value = value.get(step) if isinstance(value, dict) else None
            for ref in value if isinstance(value, list) else [value] if value else []:
                yield EntityRef.of(entity), field.relation, EntityRef.parse(ref, default_kind=field.default_kind)


def test_every_kind_is_there():
    """The portal has something to show for each kind, and about as much as a small company has."""
    count = Counter(entity["kind"] for _, entity in documents())
    assert set(count) == {"Component", "API", "Resource", "System", "Domain", "Group", "User", "Template", "Location"}
    assert 60 <= sum(count.values()) <= 100


def test_one_ref_leads_nowhere():
    """Only the loyalty API is missing, and that on purpose."""
    known = {str(EntityRef.of(entity)) for _, entity in documents()}
    assert {str(target) for _, _, target in relations() if str(target) not in known} == {"api:default/loyalty-api"}


def test_no_entity_is_there_twice():
    """Two files with the same name would be a conflict."""
    count = Counter(str(EntityRef.of(entity)) for _, entity in documents())
    assert [ref for ref, n in count.items() if n > 1] == []


def test_every_file_is_named_by_a_location():
    """Starting at all.yaml one reaches every descriptor."""
    named, waiting = set(), [ROOT / "all.yaml"]
    while waiting:
        path = waiting.pop().resolve()
        named.add(path)
        for document in iter_documents(path.read_bytes()):
            if document.value["kind"] == "Location":
                waiting += [path.parent / target for target in document.value["spec"]["targets"]]
    assert named == {p.resolve() for p in FILES}


def test_one_tag_is_wrong():
    """The van tracker's capital letters are the only mistake in a document."""
    tag = re.compile(r"[a-z0-9:+#]+(-[a-z0-9:+#]+)*")
    wrong = [
        (entity["metadata"]["name"], value)
        for _, entity in documents()
        for value in entity["metadata"].get("tags", [])
        if not tag.fullmatch(value)
    ]
    assert wrong == [("van-tracker", "GPS")]


def test_files_that_documents_name_are_there():
    """Placeholders and documentation annotations lead to files."""
    for path, entity in documents():
        definition = entity.get("spec", {}).get("definition")
        if isinstance(definition, dict):
            assert (path.parent / definition["$text"]).is_file()
        docs = entity["metadata"].get("annotations", {}).get("backstage.io/techdocs-ref")
        if docs:
            folder = path.parent / docs.removeprefix("dir:")
            assert (folder / "mkdocs.yml").is_file()
            assert (folder / "docs" / "index.md").is_file()


@pytest.mark.parametrize("kind", ["Component", "API", "Resource", "System", "Domain", "Template"])
def test_everything_is_owned_and_described(kind):
    """A portal that teaches ownership has no unowned things, and says what each is."""
    mine = [entity for _, entity in documents() if entity["kind"] == kind]
    assert all(entity["spec"].get("owner") and len(entity["metadata"].get("description", "")) > 20 for entity in mine)
