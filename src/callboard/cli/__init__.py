"""The command ``callboard``: thin; every command calls what the server calls.

Exit codes: 0 ok, 1 found problems, 2 usage (settings included), 3 something does not answer. Results on standard output,
errors and logs on standard error. ``--json`` gives a stable shape on every command.

``serve`` goes a short way past typer, which would be a sixth of the time from the call to the first answer. The short way
knows only well-formed calls; whatever it does not understand (``--help``, a typing error) goes to typer, so help and errors
exist once.
"""

from __future__ import annotations

import sys
from typing import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; the exit code. ``arguments`` None are those of the process."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    from callboard.cli.serve import parse_quickly, run_serve

    if given[:1] == ["serve"]:
        options = parse_quickly(given[1:])
        if options is not None:
            return run_serve(options)
    from callboard.cli.commands import run

    return run(given)
