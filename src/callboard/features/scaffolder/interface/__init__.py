"""What other features, pages and plugins use of the scaffolder.

Times are ISO 8601 in UTC with milliseconds and ``Z``. Refs are lower-cased. A template or task that the actor may not see is as one
that is not there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Awaitable, Callable, Literal, Mapping, Protocol, Sequence

from callboard.kernel.auth.actor import Actor
from callboard.kernel.db.interface import Transaction
from callboard.kernel.errors import ConflictError, InputError, NotFoundError
from callboard.kernel.plugins.hooks import hookspec
from callboard.kernel.read_file import TreeFile
from callboard.model.refs import EntityRef

TaskState = Literal["open", "processing", "completed", "failed", "cancelled"]
StepState = Literal["open", "waiting", "processing", "completed", "failed", "skipped", "cancelled"]
EventType = Literal["log", "completion", "cancelled", "recovered"]


class TemplateNotFound(NotFoundError):
    """No template of that ref is visible to the caller."""

    code = "scaffolder.template_not_found"


class TaskNotFound(NotFoundError):
    """No task of that id is visible to the caller."""

    code = "scaffolder.task_not_found"


class TaskNotEnded(ConflictError):
    """Only a task that has ended can be tried again."""

    code = "scaffolder.task_not_ended"


class StepWaits(BaseException):
    """Raised by the action of a step that waits for something outside, as an approval: the task is put aside, and nobody works on it
    until ``Tasks.resume``. Then the step runs again from its start; what it must not do twice it does in a checkpoint.

    No ``Exception``, as ``asyncio.CancelledError`` is none: nobody on the way is to take it for a failure of the step.
    """


class ValuesRefused(InputError):
    """The answers do not fit the template's schema. ``problems`` have the shape of the wire (see ``ValueProblem``)."""

    code = "scaffolder.values"

    def __init__(self, problems: Sequence[ValueProblem]) -> None:
        first = problems[0]
        super().__init__(f"{first.property} {first.message}", field=first.property)
        self.problems = problems


@dataclass(frozen=True, slots=True)
class ValueProblem:
    """An answer that does not fit. ``path`` are keys and indices; ``property`` reads ``instance.a.b``; ``name`` is the JSON Schema
    keyword that failed, ``argument`` its value.
    """

    path: Sequence[str | int]
    property: str
    message: str
    name: str = ""
    argument: Any = None
    schema: Any = None
    instance: Any = None


@dataclass(frozen=True, slots=True)
class TemplateForm:
    """What a template asks, as far as the actor may see it. ``steps`` are pages: ``{title, description?, schema}``."""

    ref: str
    title: str
    description: str | None
    steps: Sequence[Mapping[str, Any]]
    presentation: Mapping[str, Any] | None = None
    ui_options: Mapping[str, Any] | None = None
    form_decorators: Sequence[Mapping[str, Any]] | None = None


@dataclass(frozen=True, slots=True)
class NewTask:
    """``template_ref`` may leave kind (template) and namespace out."""

    template_ref: str
    values: Mapping[str, Any]
    secrets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TaskStep:
    """How far a step is. ``error`` is the message of one that failed."""

    id: str
    name: str
    action: str
    state: StepState
    started_at: str | None = None
    ended_at: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """``spec`` is the wire's; ``output`` and ``error`` (``{name, message}``) are of the end. Secrets are never in it.

    ``is_waiting``: a step waits for something outside, such as an approval.
    """

    id: str
    spec: Mapping[str, Any]
    state: TaskState
    created_at: str
    created_by: str | None
    template_ref: str | None
    last_heartbeat_at: str | None = None
    started_at: str | None = None
    ended_at: str | None = None
    output: Mapping[str, Any] = field(default_factory=dict)
    error: Mapping[str, str] | None = None
    steps: Sequence[TaskStep] = ()
    attempt: int = 0
    is_waiting: bool = False


@dataclass(frozen=True, slots=True)
class TaskEvent:
    """``id`` counts up within a portal; ``body`` is ``{message, stepId?, status?, output?, error?, recoverStrategy?}``."""

    id: int
    task_id: str
    type: EventType
    created_at: str
    body: Mapping[str, Any]
    is_recoverable: bool = False


@dataclass(frozen=True, slots=True)
class TaskQuery:
    """Empty lists mean any. ``order`` is ``created_at``, ``state`` or ``created_by`` with ``asc`` or ``desc``."""

    created_by: Sequence[str] = ()
    states: Sequence[TaskState] = ()
    template_refs: Sequence[str] = ()
    order: Sequence[tuple[Literal["created_at", "state", "created_by"], Literal["asc", "desc"]]] = (
        ("created_at", "desc"),
    )
    limit: int | None = None
    offset: int = 0


@dataclass(frozen=True, slots=True)
class TaskPage:
    tasks: Sequence[Task]
    total: int


@dataclass(frozen=True, slots=True)
class DryRun:
    """A template that need not be in the catalog, and the files beside it, tried without effect."""

    template: Mapping[str, Any]
    values: Mapping[str, Any]
    files: Sequence[TreeFile] = ()
    secrets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DryRunResult:
    """``log`` are bodies of log events; ``steps`` are ``{id, name, action}``. ``error`` is ``{name, message}`` when it failed."""

    log: Sequence[Mapping[str, Any]]
    files: Sequence[TreeFile]
    output: Mapping[str, Any]
    steps: Sequence[Mapping[str, str]]
    error: Mapping[str, str] | None = None


class Templates(Protocol):
    """What templates ask and what answers fit."""

    async def find_form(self, ref: EntityRef, *, actor: Actor) -> TemplateForm:
        """Raises ``TemplateNotFound``; ``InputError`` for an entity that is no template of v1beta3."""

    async def check_values(
        self, ref: EntityRef, values: Mapping[str, Any], *, actor: Actor, page: int | None = None
    ) -> Sequence[ValueProblem]:
        """What does not fit, of all pages or of one (from 0). Raises as ``find_form``."""


class Tasks(Protocol):
    """Runs of templates."""

    async def create(self, new: NewTask, *, actor: Actor) -> str:
        """The id of the task. Raises ``TemplateNotFound``, ``ValuesRefused``, ``NotAllowedError``."""

    async def get(self, id: str, *, actor: Actor) -> Task:
        """Raises ``TaskNotFound``."""

    async def settle(self, id: str, *, actor: Actor) -> Task:
        """As ``get``; one that was made a moment ago is given the rest of 50 ms to end, as most small ones do.

        For those who show a task right after they made it, and would ask again: they hear of its end at once.
        """

    async def list(self, query: TaskQuery, *, actor: Actor) -> TaskPage:
        """Tasks without their steps."""

    async def events(self, id: str, *, after: int | None = None, actor: Actor) -> Sequence[TaskEvent]:
        """In order, those with a greater id. The completion is among them whatever ``after`` says. Raises ``TaskNotFound``."""

    async def wait_events(
        self, id: str, *, after: int | None = None, timeout_s: float = 30.0, actor: Actor
    ) -> Sequence[TaskEvent]:
        """As ``events``, as soon as there is one; none after ``timeout_s``. Told of by the database, also from other replicas."""

    async def cancel(self, id: str, *, actor: Actor) -> None:
        """Ask for the end. A step that runs is cut off, its subprocesses too. Nothing happens to a task that has ended."""

    async def retry(self, id: str, *, secrets: Mapping[str, str] | None = None, actor: Actor) -> None:
        """Run what has not ended, again. Raises ``TaskNotEnded``."""

    async def resume(self, tx: Transaction, id: str) -> None:
        """Have a task go on that ``StepWaits`` put aside, once ``tx`` has committed. For whoever knows what it waited for."""

    async def dry_run(self, dry: DryRun, *, actor: Actor) -> DryRunResult:
        """Raises ``InputError`` for what is no template, ``ValuesRefused``, ``NotAllowedError``."""


@dataclass(frozen=True, slots=True)
class TemplateUse:
    """How a template fared: ``runs`` are all its tasks, also those that go on or were cancelled."""

    runs: int = 0
    completed: int = 0
    failed: int = 0
    last_success_at: str | None = None

    @property
    def success_fraction(self) -> float | None:
        """Of those that ended by themselves, 0.0 to 1.0; None before the first."""
        ended = self.completed + self.failed
        return self.completed / ended if ended else None


class TemplateUses(Protocol):
    """How often templates are used."""

    async def count(self, refs: Sequence[str], *, actor: Actor) -> Mapping[str, TemplateUse]:
        """By ref, for at most 500; only tasks that the actor may see count. One query."""


class TemplateSource(Protocol):
    """Reads what templates fetch. Addresses are absolute, or relative to ``base_url``."""

    async def read_tree(self, url: str, *, base_url: str, token: str | None = None) -> Sequence[TreeFile]:
        """All files below a folder of a repository, an archive's or, below a template that was read from a file, of the disk.

        Raises:
            NotAllowedError: a relative address that leads out of the folder of a template on the disk, or a file address.
            NotFoundError, UnavailableError, LimitError: from the reader.
        """

    async def read_file(self, url: str, *, base_url: str, token: str | None = None) -> TreeFile: ...


@dataclass(frozen=True, slots=True)
class TemplateFilter:
    """A filter of the template language. ``function`` gets and gives JSON values. ``schema`` is ``{input?, arguments?, output?}``,
    ``examples`` are ``{description?, example, notes?}``, as in ``GET /v2/templating-extensions``.
    """

    name: str
    function: Callable[..., Any]
    description: str = ""
    schema: Mapping[str, Any] | None = None
    examples: Sequence[Mapping[str, str]] = ()


@dataclass(frozen=True, slots=True)
class TemplateGlobal:
    """A function or a JSON value that every template sees under ``name``."""

    name: str
    value: Any
    description: str = ""
    schema: Mapping[str, Any] | None = None
    examples: Sequence[Mapping[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Autocomplete:
    """Suggestions of a source host for the fields of forms: ``{id, title?}`` each, from ``token`` and ``context``.

    Raises what the host's API raises; ``InputError`` for a context that lacks something.
    """

    provider: str
    resource: str
    complete: Callable[[str, Mapping[str, str]], Awaitable[Sequence[Mapping[str, str]]]]


class ScaffolderHooks:
    """What plugins may add."""

    @hookspec
    def register_template_extensions(self, portal: Any) -> Sequence[TemplateFilter | TemplateGlobal]:
        """Filters and globals of the template language."""

    @hookspec
    def register_autocomplete(self, portal: Any) -> Sequence[Autocomplete]:
        """Suggestions for ``POST /v2/autocomplete/<provider>/<resource>``."""

    @hookspec
    def register_change_openers(self, portal: Any) -> Sequence[Any]:
        """``interface.updates.ChangeOpener``: how updates are opened at repositories of some hosts."""
