"""Where the example organisation lies: in the package, or beside a checkout."""

from __future__ import annotations

from pathlib import Path

import callboard

_PACKAGE = Path(callboard.__file__).resolve().parent


def find_example_organisation() -> Path | None:
    """``all.yaml`` of the example organisation, or None where it was left out."""
    for folder in (_PACKAGE / "examples" / "organisation", _PACKAGE.parent.parent / "examples" / "organisation"):
        file = folder / "all.yaml"
        if file.is_file():
            return file
    return None
