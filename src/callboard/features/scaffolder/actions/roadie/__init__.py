"""``roadiehq:utils:*``: Roadie's actions that many templates use, with their ids, inputs and outputs.

Paths that they give are relative to the workspace, where Roadie's are paths of the machine: they hold after a task moved to another
replica, too.
"""

from __future__ import annotations

from typing import Sequence

from callboard.features.scaffolder.actions.roadie.files import file_actions
from callboard.features.scaffolder.actions.roadie.jsonata import jsonata_actions
from callboard.features.scaffolder.actions.roadie.merging import merge_actions
from callboard.features.scaffolder.actions.roadie.serializing import serialize_actions
from callboard.kernel.actions import Action


def roadie_actions() -> Sequence[Action]:
    return [*file_actions(), *merge_actions(), *serialize_actions(), *jsonata_actions()]
