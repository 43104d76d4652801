"""What parsing one template gathers besides its tree."""

from __future__ import annotations

from callboard.features.scaffolder.language.limits import Limits, too_much
from callboard.features.scaffolder.language.nodes.base import Node


class Gathered:
    """What parsing one template gathers: how many nodes, what it reads, calls, filters with and sets."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.nodes = 0
        self.reads: list[tuple[tuple[str, ...], int]] = []
        self.calls: set[str] = set()
        self.filters: set[str] = set()
        self.roots: set[str] = set()
        self.bound: set[str] = set()
        self.members: set[str] = set()

    def count(self, node: Node) -> None:
        self.nodes += 1
        if self.nodes > self.limits.nodes:
            raise too_much("nodes", self.limits.nodes).at(node.at)
        if node.height > self.limits.depth:
            raise too_much("levels of nesting", self.limits.depth).at(node.at)
