"""Sheets as people keep them, from their bytes to a plan, with nobody to help."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.features.importing.domain import guess_columns, mapping_from, plan_table
from callboard.features.importing.interface import Surroundings
from callboard.features.importing.sheets.reading import read_workbook
from tests.features.importing.domain.tables import judge
from tests.features.importing.sheets_as_kept import KEPT


@pytest.mark.parametrize(
    "kept",
    [pytest.param(kept, id=kept.id, marks=[pytest.mark.soak] if "20,000" in kept.id else []) for kept in KEPT],
)
def test_every_row_of_a_sheet_is_planned_or_named_with_a_reason(kept: Any) -> None:
    """Each data row is in an entity or refused in words; where the sheet says who owns, nothing is refused for it."""
    for table in read_workbook(kept.build(), kept.filename).tables:
        mapping = mapping_from(guess_columns(table))
        plan = plan_table(table, mapping, Surroundings(), validate=judge)
        assert {n for e in plan.entities for n in e.rows} == {row.number for row in table.rows}
        refused = [entity for entity in plan.entities if entity.action == "rejected"]
        assert all(entity.reason for entity in refused)
        assert mapping.of("name")
        if mapping.of("owner"):
            assert refused == []
        else:
            assert all("No owner" in entity.reason for entity in refused)
