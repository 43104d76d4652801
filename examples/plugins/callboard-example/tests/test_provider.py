"""Rotas from a file into the catalog, and what happens to a bad file."""

from __future__ import annotations

import pytest

from callboard.kernel.errors import InputError, UnavailableError
from callboard.model.kinds import KindDefinition
from callboard_example.kind import ROTA
from callboard_example.provider import RotaProvider, parse_rotas

pytestmark = pytest.mark.anyio

FILE = """
rotas:
  - {name: shop, owner: storefront-team, people: [amara], starts: 2026-01-05, covers: [shop-web]}
  - {name: vans, owner: delivery-team, people: [hanna, diego], starts: 2026-01-05, turn_days: 1}
"""


@pytest.fixture
def anyio_backend():
    return "asyncio"


class Connection:
    """Keeps what the provider said."""

    def __init__(self):
        self.mutations = []

    async def apply(self, mutation):
        self.mutations.append(mutation)


async def test_all_rotas_of_the_file_are_given(tmp_path):
    """One full mutation with an entity for each rota, which says where it came from."""
    path = tmp_path / "rotas.yaml"
    path.write_text(FILE)
    connection = Connection()
    await RotaProvider(path).run(connection)
    [mutation] = connection.mutations
    assert [given.entity["metadata"]["name"] for given in mutation.entities] == ["shop", "vans"]
    assert {given.location_key for given in mutation.entities} == {f"file:{path}"}
    assert mutation.entities[1].entity["spec"]["turn_days"] == 1


async def test_a_missing_file_gives_nothing_and_takes_nothing(tmp_path):
    """The provider raises, so the catalog keeps what it had."""
    connection = Connection()
    with pytest.raises(UnavailableError):
        await RotaProvider(tmp_path / "gone.yaml").run(connection)
    assert connection.mutations == []


@pytest.mark.parametrize(
    "text",
    [
        "rotas: [",
        "- a list",
        "rotas: {}",
        "rotas:\n  - {name: a}",
        FILE + FILE.replace("rotas:", ""),
        "",
        "rotas: []\n---\nrotas: []",
    ],
)
async def test_a_wrong_file_is_refused_whole(tmp_path, text):
    """Half a rota is worse than last week's."""
    path = tmp_path / "rotas.yaml"
    path.write_text(text)
    connection = Connection()
    with pytest.raises(InputError):
        await RotaProvider(path).run(connection)
    assert connection.mutations == []


def test_a_syntax_error_has_a_place():
    """File and line of what is wrong."""
    with pytest.raises(InputError) as caught:
        parse_rotas(b"rotas:\n  - {name: a\n  - b: [\n", "rotas.yaml")
    assert caught.value.file == "rotas.yaml"
    assert caught.value.line is not None


def test_the_kind_can_be_used():
    """The definition parses, and names the relation that the tab looks for."""
    definition = KindDefinition.parse(ROTA)
    [version] = definition.versions
    assert {field.reverse for field in version.relation_fields} == {"ownerOf", "coveredBy", "onCallIn"}
