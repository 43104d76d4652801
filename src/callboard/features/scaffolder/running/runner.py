"""Step after step, with conditions, loops, outputs and secrets, as Backstage 1.55 runs them.

The runner knows neither database nor HTTP: ``StepActions`` does the work of a step, ``RunRecord`` keeps what must not be lost.
Invariants: a step that ``RunRecord`` has as finished does not run again; nothing that names a secret leaves unredacted; after the first
failure only steps whose condition asks for ``always()`` or ``failure()`` run, and the task fails with that first error.
Source of the rules: facts on scaffolder-backend 4.2.0 (status functions, ``each``, skipped steps, words of the log).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Awaitable, Callable, Literal, Mapping, Protocol, Sequence

from callboard.features.scaffolder.language import UNDEFINED, Language, TemplateFault, is_truthy, render_json, to_json
from callboard.features.scaffolder.running.faking import fake_output
from callboard.features.scaffolder.running.redacting import MASK, Redactor
from callboard.features.scaffolder.spec import Step, TaskSpec
from callboard.kernel.actions import Action, StepRun
from callboard.kernel.errors import CallboardError, InputError, NotFoundError
from callboard.kernel.logs import get_logger
from callboard.kernel.workspace import Workspace

StepStatus = Literal["processing", "completed", "failed", "skipped", "cancelled"]
log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LogLine:
    """An event of type ``log`` on the wire: its ``body``."""

    message: str
    step_id: str | None = None
    status: StepStatus | None = None

    def to_body(self) -> dict[str, Any]:
        body: dict[str, Any] = {"message": self.message}
        if self.step_id is not None:
            body["stepId"] = self.step_id
        if self.status is not None:
            body["status"] = self.status
        return body


class StepActions(Protocol):
    """The actions as this task may use them."""

    def find(self, id: str) -> Action | None:
        """None when there is none, or none for who started the task."""

    async def authorize(self, action: Action, input: Mapping[str, Any]) -> None:
        """Raises ``NotAllowedError`` when the policy keeps the action with this input from whoever started the task."""

    def check_input(self, action: Action, input: Mapping[str, Any], secrets: Mapping[str, str]) -> None:
        """Raises ``InputError`` when the rendered input does not fit the schema."""

    async def invoke(
        self,
        action: Action,
        input: Mapping[str, Any],
        *,
        secrets: Mapping[str, str],
        workspace: Workspace,
        step: StepRun,
        dry_run: bool,
    ) -> Mapping[str, Any]: ...


class RunRecord(Protocol):
    """Where a run is kept. Every method may be called again with the same arguments after a crash."""

    async def finished(self) -> Mapping[str, Mapping[str, Any]]:
        """Outputs of the steps that an earlier attempt ended, by step id."""

    async def finish_step(self, id: str, output: Mapping[str, Any], lines: Sequence[LogLine]) -> None:
        """Keep in one go that the step has ended, what it gave, and what is to be told of it."""

    async def tell(self, lines: Sequence[LogLine]) -> None: ...

    async def find_checkpoint(self, step_id: str, key: str) -> tuple[bool, Any]: ...

    async def keep_checkpoint(self, step_id: str, key: str, value: Any) -> None: ...


@dataclass(frozen=True, slots=True)
class RanStep:
    """A step that ran: ``inputs`` as rendered, one an iteration."""

    id: str
    action: str
    inputs: Sequence[Mapping[str, Any]]


@dataclass(slots=True)
class RunResult:
    """How it ended. ``error`` is ``{name, message}`` of the first failure; ``output`` is empty then. ``skipped`` are step ids."""

    status: Literal["completed", "failed"] = "completed"
    output: dict[str, Any] = field(default_factory=dict)
    error: dict[str, str] | None = None
    ran: list[RanStep] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Iteration:
    key: str | None
    input: Mapping[str, Any]
    shown: Mapping[str, Any]


@dataclass(slots=True)
class _Step:
    """``StepRun`` of one step."""

    runner: TaskRunner
    step: Step
    iteration: str | None = None

    @property
    def task_id(self) -> str:
        return self.runner.task_id

    @property
    def step_id(self) -> str:
        return self.step.id

    @property
    def title(self) -> str:
        return self.step.name

    @property
    def template(self) -> Mapping[str, Any]:
        return self.runner.spec.template

    @property
    def user(self) -> Mapping[str, Any]:
        return self.runner.spec.user

    def log(self, message: str) -> None:
        self.runner.say(message, self.step.id)

    async def checkpoint(self, key: str, work: Callable[[], Awaitable[Any]]) -> Any:
        record, kept_as = self.runner.record, key if self.iteration is None else f"{key}[{self.iteration}]"
        is_kept, value = await record.find_checkpoint(self.step.id, kept_as)
        if not is_kept:
            value = await work()
            await record.keep_checkpoint(self.step.id, kept_as, value)
        return value


class TaskRunner:
    """One run of one task. ``secrets`` are the task's, ``environment`` is ``{"parameters", "secrets"}`` of the settings."""

    def __init__(
        self,
        spec: TaskSpec,
        *,
        task_id: str,
        language: Language,
        actions: StepActions,
        record: RunRecord,
        workspace: Workspace,
        secrets: Mapping[str, str] | None = None,
        environment: Mapping[str, Mapping[str, Any]] | None = None,
        dry_run: bool = False,
    ) -> None:
        self.spec = spec
        self.task_id = task_id
        self.record = record
        self._language = language
        self._actions = actions
        self._workspace = workspace
        self._secrets = dict(secrets or {})
        environment = environment or {}
        self._environment = dict(environment.get("parameters") or {})
        self._environment_secrets = dict(environment.get("secrets") or {})
        self._is_dry = dry_run
        known = [*self._secrets.values(), *self._environment_secrets.values()]
        self.redactor = Redactor(value for value in known if isinstance(value, str))
        self._outputs: dict[str, dict[str, Any]] = {}
        self._error: dict[str, str] | None = None
        self._lines: list[LogLine] = []

    @property
    def outputs(self) -> Mapping[str, Mapping[str, Any]]:
        """What the steps gave that have ended, by step id, secrets blotted out."""
        return {id: self.redactor.json(kept["output"]) for id, kept in self._outputs.items()}

    # ---- what is told ------------------------------------------------------------------------------------------------

    def say(self, message: str, step_id: str | None = None, status: StepStatus | None = None) -> None:
        self._lines.append(LogLine(self.redactor.text(message), step_id, status))

    async def flush(self) -> None:
        """Hand over what was said so far. Whoever runs the task calls it now and then while a step works."""
        lines, self._lines = self._lines, []
        if lines:
            await self.record.tell(lines)

    # ---- the run -----------------------------------------------------------------------------------------------------

    async def run(self) -> RunResult:
        """Run what has not ended before. ``asyncio.CancelledError`` passes through, with the step left unfinished."""
        result = RunResult()
        finished = await self.record.finished()
        steps = self.spec.steps
        if not finished:
            self.say(f"Starting up task with {len(steps)} steps")
        for step in steps:
            if step.id in finished:
                self._outputs[step.id] = {"output": dict(finished[step.id])}
                self.say(f"Skipping step {step.id} because it was already completed in a previous run", step.id)
                continue
            try:
                await self._run_step(step, result)
            except Exception as error:
                await self._fail(step, error)
        if self._error is not None:
            result.status, result.error = "failed", self._error
        else:
            result.output = self._render_output()
        await self.flush()
        return result

    async def _run_step(self, step: Step, result: RunResult) -> None:
        if self._error is not None and not self._asks_for_status(step):
            self.say(f"Skipping step {step.id} because a step before it failed", step.id, "skipped")
            result.skipped.append(step.id)
            return
        if step.each is None and not self._holds(step, self._context()):
            self.say(f"Skipping step {step.id} because its if condition was false", step.id, "skipped")
            result.skipped.append(step.id)
            return
        self.say(f"Beginning step {step.name}", step.id, "processing")
        await self.flush()
        action = self._actions.find(step.action)
        if action is None:
            raise NotFoundError(f"Template action with ID '{step.action}' is not registered")
        iterations = self._iterations(step)
        for one in iterations:
            self._check(action, step, one)
            await self._actions.authorize(action, one.input)
        result.ran.append(RanStep(step.id, step.action, [one.input for one in iterations]))
        output = await self._invoke_all(action, step, iterations)
        if action.needs_workspace:
            self._workspace.check()
        self._outputs[step.id] = {"output": output}
        self.say(f"Finished step {step.name}", step.id, "completed")
        lines, self._lines = self._lines, []
        await self.record.finish_step(step.id, output, lines)

    async def _invoke_all(self, action: Action, step: Step, iterations: Sequence[_Iteration]) -> dict[str, Any]:
        if self._is_dry and not action.supports_dry_run:
            self.say(f"Skipping because {action.id} does not support dry-run", step.id)
            return fake_output(action.output_schema)
        gathered: dict[str, Any] = {}
        for one in iterations:
            if self._is_dry:
                shown = to_json(one.shown, 2)
                self.say(f"Running {action.id} in dry-run mode with inputs (secrets redacted): {shown}", step.id)
            elif one.key is not None:
                self.say(f"Running step {step.name}[{one.key}]", step.id)
            output = await self._actions.invoke(
                action,
                one.input,
                secrets={} if self._is_dry else self._secrets,
                workspace=self._workspace,
                step=_Step(self, step, one.key),
                dry_run=self._is_dry,
            )
            if one.key is None:
                gathered.update(output)
            else:
                for name, value in output.items():
                    gathered.setdefault(name, []).append(value)
        return gathered

    async def _fail(self, step: Step, error: Exception) -> None:
        if isinstance(error, CallboardError):
            name, message = error.name, error.message
        else:
            name, message = "Error", f"{type(error).__name__}: {error}"
        message = self.redactor.text(message)
        if name == "Error":
            # Without the traceback: it may quote what was given, secrets too.
            log.error("step failed", action=step.action, task=self.task_id, problem=message)
        self.say(message, step.id, "failed")
        if self._error is None:
            self._error = {"name": name, "message": message}
        await self.flush()

    # ---- rendering ---------------------------------------------------------------------------------------------------

    def _context(self) -> dict[str, Any]:
        return {
            "parameters": self.spec.parameters,
            "steps": self._outputs,
            "user": self.spec.user,
            "context": {"task": {"id": self.task_id}},
            "environment": {"parameters": self._environment},
            "always": lambda: True,
            "failure": lambda: self._error is not None,
        }

    def _secret_context(self, context: Mapping[str, Any]) -> dict[str, Any]:
        secrets = {} if self._is_dry else self._secrets
        environment = {"parameters": self._environment, "secrets": {} if self._is_dry else self._environment_secrets}
        return {**context, "secrets": secrets, "environment": environment}

    def _masked_context(self, context: Mapping[str, Any]) -> dict[str, Any]:
        masked = {name: MASK for name in self._secrets}
        environment = {
            "parameters": self._environment,
            "secrets": {name: MASK for name in self._environment_secrets},
        }
        return {**context, "secrets": masked, "environment": environment}

    def _holds(self, step: Step, context: Mapping[str, Any]) -> bool:
        if not step.has_condition:
            return True
        value = step.condition
        if isinstance(value, str):
            value = self._render(value, context)
        return len(value) > 0 if isinstance(value, list) else is_truthy(value)

    def _asks_for_status(self, step: Step) -> bool:
        if not isinstance(step.condition, str):
            return False
        try:
            return bool({"always", "failure"} & set(self._language.compile(step.condition).calls))
        except TemplateFault:
            return False

    def _render(self, value: Any, context: Mapping[str, Any]) -> Any:
        return render_json(self._language, value, context)

    def _iterations(self, step: Step) -> Sequence[_Iteration]:
        context = self._context()
        if step.each is None:
            return [self._iteration(step, None, context)]
        values = self._render(step.each, self._secret_context(context))
        if values is UNDEFINED:
            raise InputError(f"Step {step.id}: each cannot be resolved to a value.", field=f"steps.{step.id}.each")
        if isinstance(values, Mapping):
            entries = [(str(key), value) for key, value in values.items()]
        elif isinstance(values, (list, tuple)):
            entries = [(str(index), value) for index, value in enumerate(values)]
        else:
            raise InputError(f"Step {step.id}: each needs a list or an object.", field=f"steps.{step.id}.each")
        iterations = []
        for key, value in entries:
            inner = {**context, "each": {"key": key, "value": value}}
            if self._holds(step, self._secret_context(inner)):
                iterations.append(self._iteration(step, key, inner))
            else:
                self.say(f"Skipping {step.name}[{key}] because its if condition was false", step.id)
        return iterations

    def _iteration(self, step: Step, key: str | None, context: Mapping[str, Any]) -> _Iteration:
        rendered = self._render(step.input, self._secret_context(context))
        shown = rendered
        if self._secrets or self._environment_secrets:
            shown = self._render(step.input, self._masked_context(context))
            self.redactor.add_differing(rendered, shown)
        return _Iteration(key, rendered, shown)

    def _check(self, action: Action, step: Step, one: _Iteration) -> None:
        try:
            self._actions.check_input(action, one.input, self._secrets)
        except InputError as error:
            if one.key is None:
                raise
            message = error.message.replace(action.id, f"{action.id}[{one.key}]", 1)
            raise InputError(message, field=error.field) from None

    def _render_output(self) -> dict[str, Any]:
        """``spec.output`` without the links and texts whose condition does not hold; secrets are not in its reach."""
        context = self._context()
        said = dict(self.spec.output)
        for name in ("links", "text"):
            rows = said.get(name)
            if isinstance(rows, list):
                said[name] = [_without_if(row) for row in rows if self._row_holds(row, context)]
        shown: dict[str, Any] = self.redactor.json(self._render(said, context))
        return shown

    def _row_holds(self, row: Any, context: Mapping[str, Any]) -> bool:
        if not isinstance(row, Mapping) or "if" not in row:
            return True
        value = self._render(row["if"], context)
        return len(value) > 0 if isinstance(value, list) else is_truthy(value)


def _without_if(row: Any) -> Any:
    return {key: value for key, value in row.items() if key != "if"} if isinstance(row, Mapping) else row
