"""A provider's connection that keeps what it is given."""

from __future__ import annotations

from typing import Any, Sequence

from callboard.features.catalog.interface import FullMutation


class RecordingConnection:
    """Implements ``ProviderConnection``."""

    def __init__(self) -> None:
        self.mutations: list[Any] = []
        self.failures: list[Exception] = []
        self.refreshed: list[str] = []

    async def apply(self, mutation: Any) -> None:
        self.mutations.append(mutation)

    async def refresh(self, keys: Sequence[str]) -> None:
        self.refreshed.extend(keys)

    async def fail(self, error: Exception) -> None:
        self.failures.append(error)

    @property
    def last(self) -> FullMutation:
        mutation = self.mutations[-1]
        assert isinstance(mutation, FullMutation)
        return mutation


def targets_of(connection: RecordingConnection) -> list[str]:
    return [deferred.entity["spec"]["target"] for deferred in connection.last.entities]
