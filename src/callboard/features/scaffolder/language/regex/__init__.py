"""JavaScript's regular expressions, run by a matcher that counts its steps.

Neither Python's ``re`` nor JavaScript's own engine can be stopped once a pattern backtracks without end. Here a pattern
is parsed (``syntax``), becomes a small program (``program``) and is run (``matcher``) by a loop that keeps its own stack
and charges every step to the render: a hostile pattern runs into the limit of work within seconds, wherever it stands.
Flags are ``g``, ``i``, ``m`` and ``y``; syntax and results are ECMAScript's without the ``u`` flag.
"""

from __future__ import annotations

from callboard.features.scaffolder.language.regex.matcher import Match, Pattern, compile_pattern
from callboard.features.scaffolder.language.regex.operations import expand, replace, split, test

__all__ = ["Match", "Pattern", "compile_pattern", "expand", "replace", "split", "test"]
