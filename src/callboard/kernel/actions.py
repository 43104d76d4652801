"""The one registry of actions: typed, permission-checked, audited units of work.

The same actions serve template steps, MCP and assistant tools, the CLI and REST. Nobody registers a thing twice.
Invariant: a handler runs only after the actor's permission and the input's schema were checked, and what happened is audited.
Wire form and error rules: Backstage's actions registry (400 invalid input, 403 anonymous, 404 unknown or hidden).
"""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Iterable, Mapping, Protocol, Sequence

from callboard.kernel.auth.actor import Actor
from callboard.kernel.errors import CallboardError, ConflictError, InputError, NotAllowedError, NotFoundError
from callboard.kernel.logs import get_logger

if TYPE_CHECKING:
    from callboard.kernel.audit import Audit, AuditEntry
    from callboard.kernel.permissions import Permission, PermissionService
    from callboard.kernel.settings import Settings
    from callboard.kernel.workspace import Workspace

log = get_logger(__name__)
_NO_FIELDS: Mapping[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}


class ActionNotFound(NotFoundError):
    """No action with this id is offered to the caller; it may exist."""

    code = "action.not_found"

    def __init__(self, id: str) -> None:
        super().__init__(f'Action "{id}" not found')
        self.id = id


class StepRun(Protocol):
    """What an action sees of the task, when it runs as a step of a template. Cancelling arrives as ``asyncio.CancelledError``.

    ``user`` is ``{"ref", "entity"}`` of who started the task; ``template`` is ``{"entityRef", "baseUrl", "entity"}``, where
    relative addresses resolve against ``baseUrl``. ``title`` names the step for people.
    """

    @property
    def task_id(self) -> str: ...

    @property
    def step_id(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def template(self) -> Mapping[str, Any]: ...

    @property
    def user(self) -> Mapping[str, Any]: ...

    def log(self, message: str) -> None:
        """A line of the task's log, for people. Secrets of the task are blotted out of it."""

    async def checkpoint(self, key: str, work: Callable[[], Awaitable[Any]]) -> Any:
        """What ``work`` gave (JSON), kept with the task: when the step is run again, it is given without being done again."""


@dataclass(frozen=True, slots=True)
class ActionContext:
    """What a handler gets. ``input`` has passed the schema; ``secrets`` never reach logs or audit.

    ``dry_run`` asks for the output without the effect. ``workspace`` is a folder of the task, for actions that need one; ``step`` is
    the step it runs as, None outside templates.
    """

    input: Mapping[str, Any]
    actor: Actor
    dry_run: bool = False
    secrets: Mapping[str, str] = field(default_factory=dict)
    workspace: Workspace | None = None
    step: StepRun | None = None

    @property
    def folder(self) -> Workspace:
        """The workspace of an action that says ``needs_workspace``."""
        if self.workspace is None:
            raise InputError("This works on files and runs only as a step of a template.")
        return self.workspace

    def log(self, message: str) -> None:
        """Tell people who follow the task; without a task nobody is told."""
        if self.step is not None:
            self.step.log(message)


@dataclass(frozen=True, slots=True)
class ActionAttributes:
    """What callers (people, agents) may rely on. ``destructive`` None means whatever is not read-only."""

    read_only: bool = False
    destructive: bool | None = None
    idempotent: bool = False

    @property
    def is_destructive(self) -> bool:
        return not self.read_only if self.destructive is None else self.destructive


@dataclass(frozen=True, slots=True)
class Action:
    """A unit of work. ``id`` is ``<plugin>:<name>``; schemas are JSON Schema of objects.

    ``permission`` None means every signed-in actor may. ``secrets_schema`` describes secret input apart from the rest.
    """

    id: str
    title: str
    description: str
    handler: Callable[[ActionContext], Awaitable[Mapping[str, Any]]]
    input_schema: Mapping[str, Any] = field(default_factory=lambda: dict(_NO_FIELDS))
    output_schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "object"})
    secrets_schema: Mapping[str, Any] | None = None
    attributes: ActionAttributes = ActionAttributes()
    supports_dry_run: bool = False
    needs_workspace: bool = False
    permission: Permission | None = None
    examples: Sequence[Mapping[str, Any]] = ()

    @property
    def plugin_id(self) -> str:
        return self.id.partition(":")[0]

    @property
    def name(self) -> str:
        return self.id.partition(":")[2]


def format_action(action: Action) -> dict[str, Any]:
    """The action as Backstage's ``GET /api/<plugin>/.backstage/actions/v1/actions`` lists it."""
    schema: dict[str, Any] = {"input": dict(action.input_schema), "output": dict(action.output_schema)}
    if action.secrets_schema is not None:
        schema["secrets"] = dict(action.secrets_schema)
    listed: dict[str, Any] = {
        "id": action.id,
        "name": action.name,
        "title": action.title,
        "description": action.description,
        "pluginId": action.plugin_id,
        "schema": schema,
        "attributes": {
            "readOnly": action.attributes.read_only,
            "destructive": action.attributes.is_destructive,
            "idempotent": action.attributes.idempotent,
        },
    }
    if action.examples:
        listed["examples"] = [dict(example) for example in action.examples]
    return listed


class ActionRegistry:
    """All actions of one portal. What was put off is added when somebody first asks for an action; then it is only read."""

    def __init__(
        self, permissions: PermissionService | None, audit: Audit | None, settings: Settings | None = None
    ) -> None:
        self._permissions = permissions
        self._audit = audit
        self._actions: dict[str, Action] = {}
        self._validators: dict[tuple[str, str], Any] = {}
        self._include = _read_filter(settings, "include")
        self._exclude = _read_filter(settings, "exclude")
        self._late: Callable[[], None] | None = None

    def put_off(self, fill: Callable[[], None]) -> None:
        """Have ``fill`` register the rest when an action is first asked for: what they need is not loaded before."""
        self._late = fill

    def register_now(self) -> None:
        """Register what was put off, if anything still is. Raises what ``register`` raises."""
        fill, self._late = self._late, None
        if fill is not None:
            fill()

    def register(self, actions: Iterable[Action]) -> None:
        """Add ``actions``. Raises ``ConflictError`` for an id that is taken, ``InputError`` for one of a wrong form."""
        for action in actions:
            if not action.plugin_id or not action.name:
                raise InputError(f"the action id {action.id!r} must read <plugin>:<name>")
            if action.id in self._actions:
                raise ConflictError(f"two plugins register the action {action.id}")
            if self._is_offered(action):
                self._actions[action.id] = action

    def list(self, actor: Actor, *, plugin: str | None = None, with_workspace: bool = False) -> Sequence[Action]:
        """Actions that ``actor`` may call, by id; those that need a workspace only when asked for."""
        self.register_now()
        found = [
            action
            for action in self._actions.values()
            if (plugin is None or action.plugin_id == plugin)
            and (with_workspace or not action.needs_workspace)
            and self._may(actor, action)
        ]
        return sorted(found, key=lambda action: action.id)

    def has(self, id: str) -> bool:
        """Whether there is one, for whomever."""
        self.register_now()
        return id in self._actions

    def get(self, id: str, *, actor: Actor) -> Action:
        """Raises ``ActionNotFound`` when there is none, or none for ``actor``."""
        self.register_now()
        action = self._actions.get(id)
        if action is None or not self._may(actor, action):
            raise ActionNotFound(id)
        return action

    async def invoke(
        self,
        id: str,
        input: Any,
        *,
        actor: Actor,
        dry_run: bool = False,
        secrets: Mapping[str, str] | None = None,
        workspace: Workspace | None = None,
        step: StepRun | None = None,
        redact: Callable[[str], str] = str,
        keep_audit: Callable[[AuditEntry], None] | None = None,
    ) -> dict[str, Any]:
        """Run the action ``id`` and give its output. ``redact`` blots secrets out of what is audited of an error.

        ``keep_audit`` is handed what is to be audited, by a caller that writes it together with what the action brought about;
        without one it is written before this returns or raises.

        Raises:
            NotAllowedError: ``actor`` is nobody.
            ActionNotFound: no such action, or hidden from ``actor``.
            InputError: input or secrets do not fit the schema, or a dry run was asked of an action that has none.
        """
        if actor.type == "anonymous":
            raise NotAllowedError("Actions must be invoked by a user or service, not an unauthenticated actor")
        action = self.get(id, actor=actor)
        if action.needs_workspace and workspace is None:
            raise InputError(f"{id} works on files and runs only as a step of a template")
        if dry_run and not action.supports_dry_run:
            raise InputError(f"{id} cannot be tried without effect")
        given = {} if input is None else input
        self.check_input(action, given, secrets or {})
        context = ActionContext(given, actor, dry_run, dict(secrets or {}), workspace, step)
        try:
            output = dict(await action.handler(context))
        except CallboardError as error:
            await self._record(action, actor, dry_run, redact(error.message), keep_audit)
            raise
        except Exception as error:
            if step is None:
                log.exception("action failed", action=id)
            # Whoever runs a step tells why it failed, without the secrets that a traceback may quote.
            await self._record(action, actor, dry_run, type(error).__name__, keep_audit)
            raise
        self._check_output(action, output, redact)
        await self._record(action, actor, dry_run, None, keep_audit)
        return output

    def check_input(self, action: Action, input: Any, secrets: Mapping[str, str]) -> None:
        """Raises ``InputError`` when input or secrets do not fit the schema of ``action``."""
        self._validate(action, "input", action.input_schema, input)
        if action.secrets_schema is not None:
            self._validate(action, "secrets", action.secrets_schema, dict(secrets))

    def _may(self, actor: Actor, action: Action) -> bool:
        if action.permission is None or self._permissions is None:
            return actor.type != "anonymous"
        return self._permissions.decide(actor, action.permission).result != "DENY"

    def _is_offered(self, action: Action) -> bool:
        if self._include and not any(_matches(action, rule) for rule in self._include):
            return False
        return not any(_matches(action, rule) for rule in self._exclude)

    def _validate(self, action: Action, part: str, schema: Mapping[str, Any], value: Any) -> None:
        key = (action.id, part)
        validator = self._validators.get(key)
        if validator is None:
            import jsonschema_rs

            validator = self._validators[key] = jsonschema_rs.validator_for(dict(schema))
        problems = list(validator.iter_errors(value))
        if problems:
            first = problems[0]
            where = "/".join(str(step) for step in first.instance_path)
            more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
            # Secrets must not come back in a message; the schema error quotes the value.
            message = "does not fit the schema" if part == "secrets" else first.message
            raise InputError(
                f'Invalid {part} passed to action "{action.id}": {f"{where}: " if where else ""}{message}{more}',
                field=where or None,
            )

    def _check_output(self, action: Action, output: Mapping[str, Any], redact: Callable[[str], str]) -> None:
        try:
            self._validate(action, "output", action.output_schema, dict(output))
        except InputError as error:
            problem = redact(error.message)
            log.error("action gave an output that does not fit its schema", action=action.id, problem=problem)

    async def _record(
        self,
        action: Action,
        actor: Actor,
        dry_run: bool,
        error: str | None,
        keep: Callable[[AuditEntry], None] | None,
    ) -> None:
        if self._audit is None or (action.attributes.read_only and error is None):
            return
        meta: dict[str, Any] = {"action": action.id, "dryRun": dry_run}
        if error is not None:
            meta["error"] = error
        entry = self._audit.prepare(
            "action-invoke",
            actor=actor,
            severity="medium" if action.attributes.is_destructive else "low",
            meta=meta,
            status="succeeded" if error is None else "failed",
        )
        if keep is not None:
            keep(entry)
        else:
            await self._audit.add(None, [entry])


@dataclass(frozen=True, slots=True)
class _FilterRule:
    id: str
    attributes: Mapping[str, Any]


def _read_filter(settings: Settings | None, which: str) -> tuple[_FilterRule, ...]:
    """``backend.actions.filter.include|exclude[{id: glob, attributes}]``."""
    if settings is None:
        return ()
    rules = settings.sections(f"backend.actions.filter.{which}")
    return tuple(_FilterRule(rule.get_str("id", "*"), rule.get("attributes", {})) for rule in rules)


def _matches(action: Action, rule: _FilterRule) -> bool:
    listed = format_action(action)["attributes"]
    return fnmatch.fnmatchcase(action.id, rule.id) and all(
        listed.get(name) == wanted for name, wanted in rule.attributes.items()
    )
