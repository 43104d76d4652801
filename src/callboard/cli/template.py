"""``callboard template``: software templates from the command line."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Iterator, Optional, TextIO

import typer

from callboard.cli.commands import make_group
from callboard.cli.output import OK, PROBLEMS, print_error
from callboard.cli.template_cases import run_cases
from callboard.cli.template_lint import lint
from callboard.cli.template_run import dry_run, run
from callboard.cli.template_update import update

app = make_group("Software templates.")
app.command("run")(run)
app.command("dry-run")(dry_run)
app.command("lint")(lint)
app.command("test")(run_cases)
app.command("update")(update)

_OPTIONS = ("cookiecutterCompat", "trimBlocks", "lstripBlocks", "strict")
_MODES = ("value", "file", "name")


@app.callback()
def group() -> None:
    """Software templates."""


@app.command("eval")
def evaluate(
    file: Annotated[
        Optional[Path], typer.Argument(help="JSON lines; without it they come from standard input.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Names without a value are errors.")] = False,
) -> None:
    """Render expressions: JSON lines in, JSON lines out.

    In: {"template", "context", "mode": "value|file|name", "options"}. Out: {"value"}, {"output"} for files and names,
    {"undefined": true}, or {"error", "line", "column"}. Options: cookiecutterCompat, trimBlocks, lstripBlocks, strict.
    Exit status 1 when a line is no such case; an expression that fails is an answer.
    """
    try:
        source = file.open(encoding="utf-8") if file is not None else sys.stdin
    except OSError as error:
        print_error(f"{file}: {error.strerror}. Name a file of JSON lines.")
        raise typer.Exit(PROBLEMS) from None
    failed = False
    with source:
        for answer in _answers(source, strict=strict):
            failed = failed or answer.pop("malformed", False)
            print(json.dumps(answer, ensure_ascii=False))
    raise typer.Exit(PROBLEMS if failed else OK)


def _answers(lines: TextIO, *, strict: bool) -> Iterator[dict[str, Any]]:
    from callboard.features.scaffolder.language import Language, TemplateFault

    language = Language()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield _answer(language, json.loads(line), strict=strict)
        except TemplateFault as fault:
            yield {"error": fault.message, "code": fault.code, "line": fault.line, "column": fault.column}
        except (ValueError, RecursionError) as error:
            yield {"error": f"Line {number} is no case: {error}", "malformed": True}


def _answer(language: Any, case: Any, *, strict: bool) -> dict[str, Any]:
    from callboard.features.scaffolder.language import UNDEFINED, Options

    if not isinstance(case, dict) or not isinstance(case.get("template"), str):
        raise ValueError('it needs a "template", a string.')
    context, options, mode = case.get("context", {}), case.get("options") or {}, case.get("mode", "value")
    if not isinstance(context, dict) or not isinstance(options, dict):
        raise ValueError('"context" and "options" are objects.')
    if mode not in _MODES:
        raise ValueError(f'"mode" is one of {", ".join(_MODES)}.')
    for option in options:
        if option not in _OPTIONS:
            raise ValueError(f"there is no option {option!r}; there are {', '.join(_OPTIONS)}.")
    chosen = Options(
        cookiecutter=bool(options.get("cookiecutterCompat")),
        trim_blocks=bool(options.get("trimBlocks")),
        lstrip_blocks=bool(options.get("lstripBlocks")),
        strict=strict or bool(options.get("strict")),
    )
    if mode != "value":
        return {"output": language.render_text(case["template"], context, chosen)}
    value = language.render_value(case["template"], context, chosen)
    return {"undefined": True} if value is UNDEFINED else {"value": value}
