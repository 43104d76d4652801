"""``callboard template run`` and ``template dry-run``: a template's steps done here, in a folder, without a server."""

from __future__ import annotations

import json
import sys
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, AsyncIterator, Mapping, Optional

import typer

from callboard.cli.commands import Config, Data, Json, run_async
from callboard.cli.output import OK, PROBLEMS
from callboard.cli.serve import DEFAULT_DATA
from callboard.cli.store import Target, open_portal
from callboard.kernel.errors import InputError

if TYPE_CHECKING:
    from callboard.cli.template_local import LocalActions, MemoryRecord
    from callboard.features.scaffolder.language import Language
    from callboard.features.scaffolder.running import RunResult
    from callboard.features.scaffolder.spec import TaskSpec

Template = Annotated[Path, typer.Argument(help="The YAML file of the template.")]
Values = Annotated[Optional[Path], typer.Option("--values", help="JSON file of the answers; - is standard input.")]
Secrets = Annotated[Optional[Path], typer.Option("--secrets", help="JSON file of secrets, shown nowhere.")]
BaseUrl = Annotated[
    Optional[str], typer.Option("--base-url", help="Address of the template, which relative ones resolve against.")
]
ReadsRoot = Annotated[
    Optional[Path], typer.Option("--reads-root", help="Folder that answers for the repository of --base-url.")
]
Stubs = Annotated[
    bool,
    typer.Option("--stub-unknown", help="Stand-ins for actions of plugins and for those that reach out; offline."),
]
User = Annotated[Optional[Path], typer.Option("--user", help='JSON file of who starts it: {"ref", "entity"}.')]


def run(
    template: Template,
    workspace: Annotated[Path, typer.Option("--workspace", help="Folder to work in; made when it is missing.")],
    values: Values = None,
    secrets: Secrets = None,
    base_url: BaseUrl = None,
    reads_root: ReadsRoot = None,
    stub_unknown: Stubs = False,
    user: User = None,
    data: Data = DEFAULT_DATA,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Run a template in a folder. Actions really act, but for those stood in for by --stub-unknown.

    Exit status 1 when the run fails. --json prints {status, error?, skipped, steps, output}.
    """

    async def work() -> int:
        workspace.mkdir(parents=True, exist_ok=True)
        if any(workspace.iterdir()):
            raise InputError(f"{workspace} is not empty. Name a folder to be made, or an empty one.")
        spec = _spec(template, values, base_url, user)
        target = Target(data, tuple(config or ()))
        async with _opened(spec, reads_root, stub_unknown, target) as (language, actions):
            return await _run(spec, language, actions, workspace, _secrets(secrets), as_json=as_json, dry_run=False)

    run_async(work, as_json=as_json)


def dry_run(
    template: Template,
    values: Values = None,
    secrets: Secrets = None,
    base_url: BaseUrl = None,
    reads_root: ReadsRoot = None,
    stub_unknown: Stubs = False,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Tell names without a value and expressions that fail, and run nothing then."),
    ] = False,
    workspace: Annotated[Optional[Path], typer.Option("--workspace", help="Folder to keep what it made.")] = None,
    user: User = None,
    data: Data = DEFAULT_DATA,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Try a template without effect: what works on files is done, the rest is made up from what it would give.

    Exit status 1 when the run fails or --strict found something. --json prints {status, problems?, steps, files, …}.
    """

    async def work() -> int:
        spec = _spec(template, values, base_url, user)
        target = Target(data, tuple(config or ()))
        async with _opened(spec, reads_root, stub_unknown, target) as (language, actions):
            if strict and (found := await _check(template, spec, language, actions)):
                return _tell_problems(found, as_json=as_json)
            with tempfile.TemporaryDirectory(prefix="callboard-dry-run-") as folder:
                place = workspace or Path(folder)
                place.mkdir(parents=True, exist_ok=True)
                return await _run(spec, language, actions, place, _secrets(secrets), as_json=as_json, dry_run=True)

    run_async(work, as_json=as_json)


async def _run(
    spec: TaskSpec,
    language: Language,
    actions: LocalActions,
    folder: Path,
    secrets: Mapping[str, str],
    *,
    as_json: bool,
    dry_run: bool,
) -> int:
    from callboard.cli.template_local import MemoryRecord
    from callboard.features.scaffolder.language import to_json
    from callboard.features.scaffolder.running import TaskRunner
    from callboard.kernel.workspace import Workspace

    workspace = Workspace(folder)
    record = MemoryRecord(None if as_json else _print_line)
    runner = TaskRunner(
        spec, task_id="local", language=language, actions=actions, record=record, workspace=workspace, secrets=secrets,
        dry_run=dry_run,
    )  # fmt: skip
    result = await runner.run()
    if as_json:
        report = _report(result, record, actions)
        if dry_run:
            report["files"] = list(workspace.files())
        print(to_json(runner.redactor.json(report), 1))
    else:
        _print_end(result, workspace.files() if dry_run else ())
    return OK if result.status == "completed" else PROBLEMS


def _report(result: RunResult, record: MemoryRecord, actions: LocalActions) -> dict[str, Any]:
    steps: list[dict[str, Any]] = []
    for ran in result.ran:
        for one in ran.inputs:
            steps.append({"id": ran.id, "action": ran.action, "input": dict(one), "real": actions.is_real(ran.action)})
    if record.failed is not None and steps and steps[-1]["id"] == record.failed[0]:
        steps[-1]["error"] = record.failed[1]
    report: dict[str, Any] = {"engine": "callboard", "status": result.status}
    if result.error is not None:
        report["error"] = result.error["message"]
    report |= {"skipped": list(result.skipped), "steps": steps}
    return report if result.error is not None else {**report, "output": result.output}


def _print_line(line: Any) -> None:
    print(f"[{line.step_id}] {line.message}" if line.step_id else line.message)


def _print_end(result: RunResult, files: Any) -> None:
    from callboard.features.scaffolder.language import to_json

    print(f"Run completed with status: {result.status}")
    for file in files:
        print(f"  {file}")
    if result.error is not None:
        print(f"callboard: {result.error['message']}", file=sys.stderr)
    elif result.output:
        print(to_json(result.output, 2))


@asynccontextmanager
async def _opened(
    spec: TaskSpec, reads_root: Path | None, stubs: bool, target: Target
) -> AsyncIterator[tuple[Language, LocalActions]]:
    """The language and the actions: from folders alone with stand-ins, else with a portal on the local store behind them."""
    from callboard.cli.template_local import FolderSource, LocalActions
    from callboard.features.scaffolder.languages import Extensions
    from callboard.model.urls import DEFAULT_HOSTS

    if stubs:
        extensions = Extensions.of(DEFAULT_HOSTS)
        source = FolderSource(reads_root, spec.base_url)
        yield extensions.language, LocalActions(source, extensions.language, stubs=True)
        return
    from callboard.features.catalog.interface import UrlReader
    from callboard.features.scaffolder.sources import CatalogTemplateSource

    async with open_portal(target) as portal:
        found = portal.find_service(Extensions) or Extensions.of(DEFAULT_HOSTS)
        remote = CatalogTemplateSource(portal.service(UrlReader))  # type: ignore[type-abstract]
        chosen = FolderSource(reads_root, spec.base_url, otherwise=remote)
        yield found.language, LocalActions(chosen, found.language, more=portal.actions)


def _spec(template: Path, values: Path | None, base_url: str | None, user: Path | None) -> TaskSpec:
    from callboard.cli.template_local import GUEST, read_template, template_ref
    from callboard.features.scaffolder.spec import make_spec

    entity = read_template(template)
    who = _read_object(user, "--user") if user is not None else GUEST
    base = base_url or f"file://{template.resolve()}"
    answers = _read_object(values, "--values") if values is not None else {}
    return make_spec(entity, answers, entity_ref=template_ref(entity), base_url=base, user=who)


def _secrets(path: Path | None) -> dict[str, str]:
    given = _read_object(path, "--secrets") if path is not None else {}
    if not all(isinstance(value, str) for value in given.values()):
        raise InputError("--secrets: every secret is a text.")
    return given


def _read_object(path: Path, option: str) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
        value = json.loads(text)
    except OSError as error:
        raise InputError(f"{option}: {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{option} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise InputError(f"{option} must be a JSON object.")
    return value


async def _check(template: Path, spec: TaskSpec, language: Language, actions: LocalActions) -> Any:
    from callboard.features.scaffolder.strict import check_template

    return await check_template(template, spec, language, find_action=actions.find, source=actions.source)


def _tell_problems(problems: Any, *, as_json: bool) -> int:
    from callboard.cli.output import print_json

    if as_json:
        print_json({"status": "refused", "problems": [problem.to_json() for problem in problems]})
        return PROBLEMS
    for problem in problems:
        print(str(problem))
    print(f"{len(problems)} problems; nothing was run.", file=sys.stderr)
    return PROBLEMS
