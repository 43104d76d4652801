"""Rotas from a YAML file: ``rotas: [{name, owner, people, starts, …}]``.

The provider says everything it has each time. When the file is missing or wrong it raises, and the catalog keeps what it
had: a typing error on Friday evening must not empty the rota.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from callboard.features.catalog.interface import DeferredEntity, FullMutation, ProviderConnection
from callboard.kernel.errors import InputError, UnavailableError
from callboard.model.documents import iter_documents
from callboard_example.kind import API_VERSION
from callboard_example.rota import Rota, parse_rota


class RotaProvider:
    """Implements ``EntityProvider``. ``path`` is read again every ``every_s`` seconds."""

    name = "rota"

    def __init__(self, path: Path, *, every_s: float = 60.0) -> None:
        self.every_s = every_s
        self._path = path.absolute()

    async def run(self, connection: ProviderConnection) -> None:
        """Raises ``UnavailableError`` when the file cannot be read, ``InputError`` when it is wrong."""
        try:
            data = self._path.read_bytes()
        except OSError as error:
            raise UnavailableError(f"{self._path} cannot be read: {error.strerror}", file=str(self._path)) from error
        location = f"file:{self._path}"
        entities = [
            DeferredEntity(format_entity(rota, location), location_key=location)
            for rota in parse_rotas(data, str(self._path))
        ]
        await connection.apply(FullMutation(entities))


def parse_rotas(data: bytes, file: str) -> list[Rota]:
    """All rotas of a file.

    Raises:
        InputError: not YAML, not ``rotas: [...]``, a wrong item, or a name that is there twice.
    """
    documents = list(iter_documents(data))
    if any(document.problem is not None for document in documents):
        problem = next(document.problem for document in documents if document.problem is not None)
        raise InputError(problem.message, file=file, line=problem.line, column=problem.column)
    items: Any = documents[0].value.get("rotas") if len(documents) == 1 and documents[0].value else None
    if not isinstance(items, list):
        raise InputError("The file must hold one document with a list under `rotas`", file=file, field="rotas")
    rotas = [parse_rota(item, where=f"rotas[{i}]") for i, item in enumerate(items)]
    for i, rota in enumerate(rotas):
        if any(other.name.lower() == rota.name.lower() for other in rotas[:i]):
            raise InputError(f"There are two rotas named {rota.name}", file=file, field=f"rotas[{i}].name")
    return rotas


def format_entity(rota: Rota, location: str) -> dict[str, Any]:
    """The entity document of ``rota``; ``location`` (``file:/…``) is where people find its source."""
    return {
        "apiVersion": API_VERSION,
        "kind": "Rota",
        "metadata": {
            "name": rota.name,
            "title": rota.title,
            "annotations": {
                "backstage.io/managed-by-location": location,
                "backstage.io/managed-by-origin-location": location,
            },
        },
        "spec": {
            "owner": rota.owner,
            "people": list(rota.people),
            "covers": list(rota.covers),
            "starts": rota.starts.isoformat(),
            "hands_over_at": rota.hands_over_at.strftime("%H:%M"),
            "time_zone": rota.zone.key,
            "turn_days": rota.turn_days,
        },
    }
