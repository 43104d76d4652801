"""How a template is to be read."""

from __future__ import annotations

from dataclasses import dataclass, field

from callboard.features.scaffolder.language.limits import Limits


@dataclass(frozen=True, slots=True)
class Options:
    """``strict`` makes an unknown root name, and an undefined value that would be printed, a fault.

    ``cookiecutter`` reads ``{{ }}`` in place of ``${{ }}`` and knows ``True``, ``False``, ``None``, ``jsonify`` and
    Python's methods of lists and dicts. ``trim_blocks`` drops one line break after a block tag, ``lstrip_blocks`` the
    blanks before one that stands first in its line.
    """

    cookiecutter: bool = False
    trim_blocks: bool = False
    lstrip_blocks: bool = False
    limits: Limits = field(default_factory=Limits)
    strict: bool = False
