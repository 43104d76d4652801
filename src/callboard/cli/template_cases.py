"""``callboard template test``: cases beside a template, each with answers and the files that they are to make."""

from __future__ import annotations

import difflib
import json
import shutil
import stat
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Mapping, Optional, Sequence

import typer

from callboard.cli.commands import Json, run_async
from callboard.cli.output import OK, PROBLEMS, print_json
from callboard.kernel.errors import InputError

if TYPE_CHECKING:
    from callboard.features.scaffolder.running import RunResult

VALUES, SECRETS, USER, OUTPUTS = "values.json", "secrets.json", "user.json", "outputs.json"
EXPECTED, EXPECTED_OUTPUT, EXPECTED_ERROR = "expected", "expected-output.json", "expected-error.txt"
CASES = "tests"
MAX_DIFF_LINES = 40
Tree = Mapping[str, tuple[bytes, bool]]
"""Paths to content (of a link its target) and whether it is executable."""


@dataclass(slots=True)
class CaseResult:
    """How a case went. ``problems`` is empty for one that passed; each may have several lines."""

    name: str
    problems: list[str] = field(default_factory=list)
    updated: bool = False

    @property
    def status(self) -> str:
        return "failed" if self.problems else "updated" if self.updated else "passed"


def run_cases(
    folder: Annotated[Path, typer.Argument(help="Folder of a template with tests/, or a folder of cases.")],
    template: Annotated[
        Optional[Path], typer.Option("--template", help="The YAML file, when it is not beside the cases.")
    ] = None,
    case: Annotated[Optional[list[str]], typer.Option("--case", help="Only this case; may be repeated.")] = None,
    update: Annotated[bool, typer.Option("--update", help="Write what is expected anew from what is made.")] = False,
    base_url: Annotated[
        Optional[str], typer.Option("--base-url", help="Address of the template, which relative ones resolve against.")
    ] = None,
    reads_root: Annotated[
        Optional[Path], typer.Option("--reads-root", help="Folder that answers for the repository of --base-url.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run a template once for each case, in a folder of its own, and compare what it made. Nothing reaches out.

    A case is a folder with values.json and expected/; it may have expected-output.json, expected-error.txt (the run is to fail so),
    outputs.json ({step id: output} of steps that are not done here), secrets.json and user.json. Actions that work on more than files
    are stood in for. Exit status: 0 all passed, 1 a case failed, 2 wrong usage. --json prints {cases, passed, failed}.
    """

    async def work() -> int:
        cases = _cases(folder, case)
        file = template or _template_of(folder, cases[0].parent)
        results = [await _run_case(file, one, base_url, reads_root, update=update) for one in cases]
        return _tell(results, as_json=as_json)

    run_async(work, as_json=as_json)


def _cases(folder: Path, chosen: Sequence[str] | None) -> list[Path]:
    """Raises ``InputError`` when there is none."""
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder. Name the folder of a template, or of its cases.")
    place = folder / CASES if (folder / CASES).is_dir() else folder
    found = sorted(one.parent for one in place.glob(f"*/{VALUES}"))
    if (place / VALUES).is_file():
        found = [place]
    if not found:
        raise InputError(f"{folder} holds no case. A case is a folder with {VALUES} in {folder / CASES}.")
    if chosen:
        missing = sorted(set(chosen) - {one.name for one in found})
        if missing:
            names = ", ".join(one.name for one in found)
            raise InputError(f"There is no case {missing[0]}; there are {names}.", field="case")
        found = [one for one in found if one.name in chosen]
    return found


def _template_of(folder: Path, cases: Path) -> Path:
    """The one template beside the cases. Raises ``InputError``."""
    from callboard.cli.template_lint import holds_template

    for place in dict.fromkeys((folder, cases, cases.parent, folder.parent)):
        found = [one for one in sorted(place.glob("*.y*ml")) if one.is_file() and holds_template(one)]
        named = [one for one in found if one.stem.lower() == "template"]
        if len(found) == 1 or len(named) == 1:
            return (named or found)[0]
        if found:
            raise InputError(f"{place} holds {len(found)} templates. Say which by --template.")
    raise InputError(f"No template is beside {folder}. Name its file by --template.")


async def _run_case(
    template: Path, case: Path, base_url: str | None, reads_root: Path | None, *, update: bool
) -> CaseResult:
    from callboard.cli.template_local import (
        GUEST,
        FolderSource,
        LocalActions,
        MemoryRecord,
        read_template,
        template_ref,
    )
    from callboard.features.scaffolder.languages import Extensions
    from callboard.features.scaffolder.running import TaskRunner
    from callboard.features.scaffolder.spec import make_spec
    from callboard.features.scaffolder.templates import pages_of
    from callboard.features.scaffolder.values import ValueChecks
    from callboard.kernel.workspace import Workspace
    from callboard.model.urls import DEFAULT_HOSTS

    result = CaseResult(case.name)
    entity, values = read_template(template), _read(case / VALUES)
    spec = make_spec(
        entity, values, entity_ref=template_ref(entity), base_url=base_url or f"file://{template.resolve()}",
        user=_read(case / USER, dict(GUEST)),
    )  # fmt: skip
    checks = ValueChecks()
    for page in pages_of(entity):
        result.problems += [f"{VALUES}: {one.property} {one.message}" for one in checks.check(page, values)]
    if result.problems:
        return result
    given = _read(case / OUTPUTS, {})
    known = {step.id for step in spec.steps}
    if unknown := sorted(set(given) - known):
        raise InputError(f"{case / OUTPUTS}: the template has no step {unknown[0]}.")
    language = Extensions.of(DEFAULT_HOSTS).language

    class Actions(LocalActions):
        """With the outputs that the case gives instead of what steps would."""

        async def invoke(self, action: Any, input: Any, *, step: Any, **more: Any) -> Mapping[str, Any]:
            if step.step_id in given:
                output: Mapping[str, Any] = given[step.step_id]
                return output
            return await super().invoke(action, input, step=step, **more)

    with tempfile.TemporaryDirectory(prefix="callboard-template-test-") as made:
        runner = TaskRunner(
            spec, task_id="test", language=language,
            actions=Actions(FolderSource(reads_root, spec.base_url), language, stubs=True), record=MemoryRecord(),
            workspace=Workspace(Path(made)), secrets=_read(case / SECRETS, {}),
        )  # fmt: skip
        run = await runner.run()
        tree = read_tree(Path(made))
    if update:
        _update(case, run, tree, result)
    else:
        _compare(case, run, tree, result)
    return result


def _compare(case: Path, run: RunResult, tree: Tree, result: CaseResult) -> None:
    error = case / EXPECTED_ERROR
    wanted = error.read_text(encoding="utf-8").strip() if error.is_file() else None
    if run.error is not None:
        message = run.error["message"]
        if wanted is None:
            result.problems.append(f"The run failed: {message}")
        elif wanted not in message:
            result.problems.append(f"The run failed otherwise than {EXPECTED_ERROR} says: {message}")
    elif wanted is not None:
        result.problems.append(f"The run completed, and {EXPECTED_ERROR} says: {wanted}")
    if (case / EXPECTED).is_dir():
        result.problems += diff_trees(read_tree(case / EXPECTED), tree)
    elif wanted is None and tree:
        result.problems.append(f"There is no {EXPECTED}/; --update writes it.")
    if (case / EXPECTED_OUTPUT).is_file() and run.error is None:
        before, after = _pretty(_read(case / EXPECTED_OUTPUT)), _pretty(run.output)
        if before != after:
            result.problems.append(_diff(before, after, EXPECTED_OUTPUT))


def _update(case: Path, run: RunResult, tree: Tree, result: CaseResult) -> None:
    """A run that fails is an expected one only where the case says so already."""
    error, output, folder = case / EXPECTED_ERROR, case / EXPECTED_OUTPUT, case / EXPECTED
    if run.error is not None and not error.is_file():
        result.problems.append(f"The run failed, nothing is written: {run.error['message']}")
        return
    result.updated = True
    if run.error is not None:
        error.write_text(run.error["message"] + "\n", encoding="utf-8")
    elif error.is_file():
        error.unlink()
    if folder.is_dir():
        shutil.rmtree(folder)
    for path, (content, is_executable) in tree.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        if is_executable:
            place.chmod(0o755)
    if run.error is None and (output.is_file() or run.output):
        output.write_text(_pretty(run.output), encoding="utf-8")


def read_tree(folder: Path) -> dict[str, tuple[bytes, bool]]:
    """All files below it; folders alone do not count, as git keeps none. A link counts as a file with its target."""
    found: dict[str, tuple[bytes, bool]] = {}
    for place in sorted(folder.rglob("*")):
        path = place.relative_to(folder).as_posix()
        if place.is_symlink():
            found[path] = (str(place.readlink()).encode(), False)
        elif place.is_file():
            found[path] = (place.read_bytes(), bool(place.stat().st_mode & stat.S_IXUSR))
    return found


def diff_trees(expected: Tree, made: Tree) -> list[str]:
    """What differs, one problem a file."""
    problems = [f"{path}: was not made" for path in expected if path not in made]
    for path, (content, is_executable) in made.items():
        if path not in expected:
            problems.append(f"{path}: is not expected")
            continue
        wanted, was_executable = expected[path]
        if content != wanted:
            problems.append(_diff_bytes(wanted, content, path))
        elif is_executable != was_executable:
            problems.append(f"{path}: is {'' if is_executable else 'not '}executable")
    return sorted(problems)


def _diff_bytes(before: bytes, after: bytes, path: str) -> str:
    try:
        return _diff(before.decode(), after.decode(), path)
    except UnicodeDecodeError:
        return f"{path}: differs ({len(before):,} bytes expected, {len(after):,} made)"


def _diff(before: str, after: str, path: str) -> str:
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), "expected", "made", lineterm="", n=2))
    shown = lines[:MAX_DIFF_LINES] or ["only line ends differ"]
    more = [f"… {len(lines) - MAX_DIFF_LINES} more lines"] if len(lines) > MAX_DIFF_LINES else []
    return "\n".join([f"{path}: differs", *shown, *more])


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def _read(path: Path, default: dict[str, Any] | None = None) -> dict[str, Any]:
    """A JSON object; ``default`` where the file is not there. Raises ``InputError``."""
    if default is not None and not path.is_file():
        return default
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise InputError(f"{path} must hold a JSON object.")
    return value


def _tell(results: Sequence[CaseResult], *, as_json: bool) -> int:
    failed = sum(bool(one.problems) for one in results)
    if as_json:
        rows = [{"name": one.name, "status": one.status, "problems": one.problems} for one in results]
        print_json({"cases": rows, "passed": len(results) - failed, "failed": failed})
        return PROBLEMS if failed else OK
    for one in results:
        print(f"{one.status:8} {one.name}")
        for problem in one.problems:
            print("    " + problem.replace("\n", "\n    "))
    print(f"{len(results)} case{'' if len(results) == 1 else 's'}, {failed} failed")
    return PROBLEMS if failed else OK
