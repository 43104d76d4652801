"""``callboard catalog validate``: judge descriptor files before they are registered. Needs no server and no database."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Optional

import typer


def validate(
    files: Annotated[list[Path], typer.Argument(help="Descriptor files, each with one document or more.")],
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object a document.")] = False,
    base_url: Annotated[
        Optional[str],
        typer.Option(help="Where the file will lie: relative references resolve against it. One FILE only."),
    ] = None,
    reads: Annotated[
        Optional[Path],
        typer.Option(help="JSON object from URL to file (relative to it) or null: answers placeholder reads."),
    ] = None,
    reads_default: Annotated[
        Optional[Path], typer.Option(help="File that answers every read which --reads does not name.")
    ] = None,
    kinds: Annotated[
        Optional[list[Path]], typer.Option(help="YAML file with more kinds (a model layer); may be repeated.")
    ] = None,
) -> None:
    """Judge descriptor files as the catalog will: YAML, fields, kinds, placeholders, relations.

    Exit status: 0 all valid, 1 problems found, 2 wrong usage.
    """
    raise typer.Exit(
        run(files, json=json, base_url=base_url, reads=reads, reads_default=reads_default, kinds=kinds or [])
    )


def run(
    files: list[Path],
    *,
    json: bool,
    base_url: str | None,
    reads: Path | None,
    reads_default: Path | None,
    kinds: list[Path],
) -> int:
    """What ``validate`` does, giving the exit status."""
    from callboard.features.catalog.processing.files import ReadsError, ReadsMap, validate_files
    from callboard.model.kinds import KindError, KindRegistry, parse_layer
    from callboard.model.urls import UrlError, parse_url

    if base_url is not None and len(files) != 1:
        return _usage("--base-url goes with one FILE; run the command once for each file.")
    missing = [str(path) for path in files if not path.is_file()]
    if missing:
        return _usage(f"No such file: {', '.join(missing)}")
    try:
        if base_url is not None:
            parse_url(base_url)
        read = ReadsMap.load(reads, reads_default) if reads is not None or reads_default is not None else None
        registry = KindRegistry.built_in(*(parse_layer(path.read_text("utf-8")) for path in kinds))
    except UrlError:
        return _usage(f"--base-url must be an absolute URL, not {base_url}")
    except (ReadsError, KindError, OSError, UnicodeDecodeError) as error:
        return _usage(str(error))
    invalid = total = 0
    for verdict in validate_files(files, base_url=base_url, read=read, kinds=registry):
        total += 1
        invalid += verdict.verdict == "invalid"
        if json:
            import orjson

            sys.stdout.write(orjson.dumps(verdict.as_json()).decode("utf-8") + "\n")
        else:
            _print(verdict)
    if not json:
        noun = "document" if total == 1 else "documents"
        sys.stdout.write(f"{total} {noun}, {invalid} invalid\n")
    return 1 if invalid else 0


def _print(verdict: Any) -> None:
    """``file:line:column: stage: message`` and the fix below, as editors and CI logs like it; script-safe."""
    for problem in verdict.problems:
        place = f"{verdict.file}:{problem.line}:{problem.column}"
        ref = f" {verdict.ref}:" if verdict.ref else ""
        message = problem.cause[1] if problem.cause else problem.message  # the outer words only say which step it was
        message = message.split(". To learn more about", 1)[0]
        sys.stdout.write(f"{place}: {problem.stage}:{_printable(ref)} {_printable(message)}\n")
        if problem.fix:
            sys.stdout.write(f"    fix: {_printable(problem.fix)}\n")


def _printable(text: str) -> str:
    """Without control characters, which a file could use to write over the terminal."""
    return "".join(c if c.isprintable() else " " for c in text)[:2000]


def _usage(message: str) -> int:
    sys.stderr.write(f"callboard catalog validate: {message}\n")
    return 2
