"""Writes docs/reference from the code: ``make docs``. A test compares the committed pages with what this gives.

Nothing here is written by hand twice: each page walks what a portal registers (settings, hooks, permissions, actions, routes),
what the error tree holds, and what the command line knows.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import sys
import tempfile
from pathlib import Path
from typing import Any, Collection, Iterable, Iterator, Mapping, Sequence

FOLDER = Path(__file__).resolve().parent / "reference"
NOTICE = "<!-- Written by docs/build_reference.py from the code; `make docs` writes it again. -->\n"


def main() -> int:
    pages = build_pages()
    FOLDER.mkdir(exist_ok=True)
    for stale in {p.name for p in FOLDER.glob("*.md")} - set(pages):
        (FOLDER / stale).unlink()
    for name, text in pages.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    print(f"{FOLDER.name}: {len(pages)} pages")
    return 0


def build_pages() -> dict[str, str]:
    """File name to text, for every page of the reference."""
    return asyncio.run(_build())


async def _build() -> dict[str, str]:
    from callboard.app import create_portal
    from callboard.kernel.settings import Settings

    with tempfile.TemporaryDirectory() as folder:
        portal = await create_portal(Settings.of({}), data_dir=Path(folder), installed_plugins=False)
        try:
            pages: Mapping[str, tuple[str, str, str]] = {
                "settings.md": ("Settings", "Keys of app-config.yaml.", _settings(portal)),
                "cli.md": ("Commands", "`callboard` and its commands.", _commands()),
                "rest.md": ("REST", "Paths that the portal answers.", _routes(portal)),
                "permissions.md": (
                    "Permissions",
                    "What may be granted, and under which conditions.",
                    _permissions(portal),
                ),
                "actions.md": (
                    "Actions",
                    "Units of work that templates, agents, commands and REST may run.",
                    _actions(portal),
                ),
                "events.md": ("Events", "What is announced after it happened.", _events()),
                "errors.md": ("Errors", "Codes that errors carry.", _errors()),
                "hooks.md": ("Hooks", "What a plugin may offer.", _hooks(portal)),
                "kinds.md": ("Kinds", "Entities that come with Callboard.", _kinds()),
                "search-keys.md": ("Search keys", "Keys that filters, facets and orders look at.", _search_keys()),
            }
        finally:
            await portal.close()
    rows = [f"| [{title}]({name}) | {about} |" for name, (title, about, _) in pages.items()]
    index = "\n".join(["# Reference", "", NOTICE, "| page | what |", "|---|---|", *rows, ""])
    written = {
        name: f"# {title}\n\n{NOTICE}\n{about}\n\n{body.strip()}\n" for name, (title, about, body) in pages.items()
    }
    return {"README.md": index, **written}


# ---- pieces --------------------------------------------------------------------------------------------------------------


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(_cell(value) for value in row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def _cell(value: Any) -> str:
    return re.sub(r"\s+", " ", str(value if value is not None else "")).replace("|", "\\|").strip()


def _code(value: Any) -> str:
    text = str(value)
    return f"`{text}`" if text else ""


def _doc(thing: Any) -> str:
    """First paragraph of its docstring, on one line."""
    return re.sub(r"\s+", " ", (inspect.getdoc(thing) or "").split("\n\n")[0]).replace("``", "`")


def _settings(portal: Any) -> str:
    def default(row: Any) -> str:
        if row.default is None:
            return ""
        value = (
            {True: "true", False: "false"}.get(row.default, row.default)
            if isinstance(row.default, bool)
            else row.default
        )
        return "none" if value == () else _code(value)

    unique = {row.key: row for row in portal.setting_rows}
    groups: dict[str, list[Any]] = {}
    for key in sorted(unique):
        groups.setdefault(key.split(".")[0].removesuffix("[]"), []).append(unique[key])
    intro = (
        "Files are given with `--config`, later ones win; without it `app-config.yaml`, `app-config.local.yaml` and those of `BACKSTAGE_ENV` are\n"
        "read. Objects merge, lists replace. `${VAR}`, `${VAR:-default}`, `$env`, `$file` and `$include` are filled in. A variable\n"
        "`APP_CONFIG_backend_listen` overrides `backend.listen`. In keys, `*` stands for any name and `[]` for the items of a list.\n"
    )
    head = ("key", "type", "default", "what it does")
    parts = [intro]
    for group, rows in groups.items():
        body = [(_code(r.key), r.type + (f", {r.unit}" if r.unit else ""), default(r), r.help) for r in rows]
        parts.append(f"## {group}\n\n{_table(head, body)}")
    return "\n".join(parts)


def _commands() -> str:
    import typer.main

    from callboard.cli import commands

    root = typer.main.get_group(commands.app)
    root.__class__ = commands._LazyGroup
    intro = (
        "Exit codes: 0 ok, 1 found problems, 2 usage, 3 something does not answer. Results go to standard output, errors and logs to standard\n"
        "error; `--json` gives a stable shape. Commands act on the local store (`--data`) or on a server (`--url`, `--token`).\n"
    )
    return "\n".join([intro, *_command_sections(root, "callboard")])


def _command_sections(command: Any, path: str) -> Iterator[str]:
    import click

    context = click.Context(command, info_name=path)
    names = getattr(command, "list_commands", None)
    if names is not None:
        for name in names(context):
            child = command.get_command(context, name)
            if child is not None and not child.hidden:
                yield from _command_sections(child, f"{path} {name}")
        return
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    usage = " ".join([path, *map(_metavar, arguments), "[options]"])
    yield f"## {path}\n\n{_first(command.help)}\n\n```\n{usage}\n```\n"
    rows = [(_code(_metavar(p)), getattr(p, "help", None) or "", "") for p in arguments]
    for option in command.params:
        if option.param_type_name == "option" and not option.hidden:
            shown = option.default if isinstance(option.default, (str, int, Path)) and not option.is_flag else None
            flags = ", ".join(_code(o) for o in (*option.opts, *option.secondary_opts))
            rows.append((flags, option.help or "", _code(shown) if shown not in (None, "") else ""))
    if rows:
        yield _table(("argument or option", "what it does", "default"), rows)


def _metavar(argument: Any) -> str:
    name = (argument.metavar or argument.name or "").upper() + ("…" if argument.nargs == -1 else "")
    return name if argument.required else f"[{name}]"


def _first(help: str | None) -> str:
    return re.sub(r"\s+", " ", (help or "").split("\f")[0]).strip()


def _routes(portal: Any) -> str:
    groups: dict[str, list[tuple[str, ...]]] = {}
    for route in portal.routes:
        parts = route.path.split("/")
        group = f"/api/{parts[2]}" if route.path.startswith("/api/") else "Pages and the rest"
        described = route.operation or {}
        about = described.get("summary") or _doc(route.handler) or re.sub(r"[-._]", " ", route.name or "")
        if not about and route.path.endswith("/openapi.json"):
            about = "These paths, for machines."
        groups.setdefault(group, []).append((route.path, " ".join(route.methods), route.auth, about))
    intro = (
        "Paths under `/api/<plugin>` that Backstage has too behave as there, down to errors and cursors. Those under\n"
        "`/api/<feature>/v1` are Callboard's own; their errors are problem+json. `/openapi.json` describes them all for machines.\n\n"
        "`required` wants credentials (`Authorization: Bearer …`, or a session), `page` sends people to sign in, `public` is open.\n"
    )
    raw = "".join(f"- `{route.prefix}`\n" for route in sorted(portal.raw_routes, key=lambda r: r.prefix))
    parts = [intro]
    for group in sorted(groups, key=lambda g: (not g.startswith("/"), g)):
        rows = [(_code(methods), _code(path), auth, about) for path, methods, auth, about in sorted(groups[group])]
        parts.append(f"## {group}\n\n{_table(('method', 'path', 'access', 'what'), rows)}")
    parts.append(
        f"## Answered before all others\n\nPrefixes that a shorter way looks at first; answers are the same.\n\n{raw}"
    )
    return "\n".join(parts)


def _permissions(portal: Any) -> str:
    permissions = [
        (_code(p.name), p.action or "", _code(p.resource_type or ""), p.description)
        for p in sorted(portal.permissions.permissions, key=lambda p: p.name)
    ]
    parts = [
        _table(("permission", "action", "condition on", "what it allows"), permissions),
        "## Rules for conditions\n",
    ]
    for rule in sorted(portal.permissions.rules, key=lambda r: (r.resource_type, r.name)):
        schema = rule.params_schema.get("properties", {})
        required = rule.params_schema.get("required", ())
        rows = [
            (_code(name), _type(part), "yes" if name in required else "", part.get("description", ""))
            for name, part in schema.items()
        ]
        parts.append(f"### {rule.name} ({rule.resource_type})\n\n{rule.description}\n")
        if rows:
            parts.append(_table(("parameter", "type", "required", "what"), rows))
    return "\n".join(parts)


def _type(schema: Mapping[str, Any]) -> str:
    type_ = schema.get("type", "")
    if type_ == "array":
        return f"list of {_type(schema.get('items', {})) or 'anything'}"
    if isinstance(type_, list):
        return " or ".join(type_)
    return " or ".join(str(v) for v in schema["enum"]) if "enum" in schema else str(type_)


def _actions(portal: Any) -> str:
    from callboard.kernel.auth.actor import SYSTEM

    parts = []
    for action in portal.actions.list(SYSTEM, with_workspace=True):
        traits = [
            name
            for name, holds in (
                ("reads only", action.attributes.read_only),
                ("destructive", action.attributes.is_destructive),
                ("may be repeated", action.attributes.idempotent),
                ("can be tried without effect", action.supports_dry_run),
                ("needs a workspace", action.needs_workspace),
            )
            if holds
        ]
        rows = [
            (
                _code(name),
                _type(part),
                "yes" if name in action.input_schema.get("required", ()) else "",
                part.get("description", ""),
            )
            for name, part in action.input_schema.get("properties", {}).items()
        ]
        notes = [action.description]
        if traits:
            notes.append(f"{', '.join(traits).capitalize()}.")
        if action.permission:
            notes.append(f"Permission: `{action.permission.name}`.")
        parts.append(f"## {action.id}\n\n{' '.join(notes)}\n")
        if rows:
            parts.append(_table(("input", "type", "required", "what"), rows))
    return "\n".join(parts)


def _events() -> str:
    rows = sorted({(_code(topic), about) for topic, about in _topics()})
    return (
        "An event is written in the transaction of the change and delivered after it: to plugins, to the stream at\n"
        "`GET /api/events/v1/stream?topic=…` and to webhooks. Delivery is at least once; `id` tells repeats.\n\n"
        + _table(("topic", "announced by"), rows)
    )


def _topics() -> Iterator[tuple[str, str]]:
    """Topics of every ``publish(tx, "topic", …)`` in the source: literals, and constants by that name."""
    import callboard

    root = Path(callboard.__file__).parent
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(root.rglob("*.py"))}
    told: list[tuple[Path, ast.expr]] = []
    for path, text in texts.items():
        for node in ast.walk(ast.parse(text)) if ".publish" in text else ():
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr.startswith("publish")
            ):
                told += [(path, argument) for argument in node.args[1:2]]
    constants = _constants(texts.values(), {argument.id for _, argument in told if isinstance(argument, ast.Name)})
    for path, argument in told:
        topic = argument.value if isinstance(argument, ast.Constant) else constants.get(getattr(argument, "id", ""))
        if isinstance(topic, str):
            yield topic, _code(".".join(path.relative_to(root.parent).with_suffix("").parts))


def _constants(texts: Iterable[str], names: Collection[str]) -> dict[str, str]:
    """Texts that modules keep under these names. Only files where one begins a line are looked at closely."""
    begins = re.compile(rf"^(?:{'|'.join(names)})\b", re.MULTILINE)
    constants: dict[str, str] = {}
    for text in texts:
        for node in ast.parse(text).body if begins.search(text) else ():
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(node.value, ast.Constant):
                for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                    if isinstance(target, ast.Name) and target.id in names and isinstance(node.value.value, str):
                        constants[target.id] = node.value.value
    return constants


def _errors() -> str:
    import importlib
    import pkgutil

    import callboard
    from callboard.kernel.errors import CallboardError

    for module in pkgutil.walk_packages(callboard.__path__, "callboard."):
        if ".versions." not in module.name and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    statuses = {
        "InputError": 400,
        "AuthenticationError": 401,
        "NotAllowedError": 403,
        "NotFoundError": 404,
        "ConflictError": 409,
    }
    statuses |= {"LimitError": "413 or 429", "UnavailableError": 503}

    def descendants(cls: type) -> Iterator[type]:
        for child in cls.__subclasses__():
            yield child
            yield from descendants(child)

    rows = {}
    for cls in descendants(CallboardError):
        if cls.__module__.startswith("callboard."):
            status = next((statuses[base.__name__] for base in cls.__mro__ if base.__name__ in statuses), 500)
            rows.setdefault(cls.code, (_code(cls.code), status, _code(cls.name), _doc(cls)))
    return (
        "`code` stands in problem+json and in `--json` output, `name` in the error body of Backstage's paths. Both are stable; messages are not.\n\n"
        + _table(("code", "status", "name", "when"), [rows[code] for code in sorted(rows)])
    )


def _hooks(portal: Any) -> str:
    from callboard.kernel.plugins.hooks import CoreHooks

    parts = ["A hook is a function marked `@hookimpl`; it returns values and changes nothing. Each is optional.\n"]
    for spec in (CoreHooks, *portal.plugins.collect("register_hookspecs")):
        parts.append(f"## {spec.__name__}\n\n{_doc(spec)} From `{spec.__module__}`.\n")
        for name, function in vars(spec).items():
            if name.startswith("register_"):
                signature = inspect.signature(function)
                arguments = ", ".join(p for p in signature.parameters if p != "self")
                returns = re.sub(r"[\"']", "", str(signature.return_annotation))
                about = _doc(function)
                parts.append(
                    f"### {name}\n\n```python\ndef {name}({arguments}) -> {returns}\n```\n"
                    + (f"\n{about}\n" if about else "")
                )
    return "\n".join(parts)


def _kinds() -> str:
    from callboard.model.builtin_kinds import BUILT_IN_KINDS

    parts = []
    for kind in BUILT_IN_KINDS:
        parts.append(f"## {kind.kind}\n\n{kind.description}\n")
        for version in kind.versions:
            spec = version.schema.get("properties", {}).get("spec", {})
            required = spec.get("required", ())
            relations = {".".join(f.path): f"{f.relation} / {f.reverse}" for f in version.relation_fields}
            only = f", `spec.type: {version.spec_type}`" if version.spec_type else ""
            parts.append(f"`apiVersion`: {' or '.join(_code(v) for v in version.api_versions)}{only}\n")
            names = dict.fromkeys(
                (*required, *spec.get("properties", {}), *(k.removeprefix("spec.") for k in relations))
            )
            rows = [
                (
                    _code(f"spec.{name}"),
                    _type(spec.get("properties", {}).get(name, {})),
                    "yes" if name in required else "",
                    relations.get(f"spec.{name}", ""),
                )
                for name in names
            ]
            parts.append(_table(("field", "type", "required", "relation"), rows))
    return "\n".join(parts)


def _search_keys() -> str:
    from callboard.model.terms import MAX_KEY_LENGTH, MAX_VALUE_LENGTH, terms_of

    entity = {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {
            "name": "Shop",
            "namespace": "default",
            "uid": "6d7e9f1c-…",
            "labels": {"acme.example/tier": "one"},
            "annotations": {"github.com/project-slug": "acme/shop"},
            "tags": ["python"],
            "links": [{"url": "https://shop.acme.example", "title": "Shop"}],
        },
        "spec": {"type": "service", "owner": "checkout"},
        "relations": [{"type": "ownedBy", "targetRef": "group:default/checkout"}],
    }
    import json

    rows = [
        (_code(key), ", ".join(_code(value) for value in values if value is not None))
        for key, values in sorted(terms_of(entity).items())
    ]
    return (
        "Every entity is flattened into keys and values. Keys are paths in lower case, joined by dots; values are compared in lower case.\n"
        "Items of a list have no index: each is a value of the list's key, and a text in a list is also a key of its own with the value `true`.\n"
        f"Keys longer than {MAX_KEY_LENGTH} characters are left out; of a value longer than {MAX_VALUE_LENGTH} only its presence counts. `metadata.etag`, `status`\n"
        "and `attachments` cannot be searched; relations can, as `relations.<type>`.\n\n"
        "| you write | it means |\n|---|---|\n"
        "| `filter=kind=component,spec.type=service` | both |\n"
        "| `filter=kind=api&filter=kind=resource` | either |\n"
        "| `filter=kind=api,kind=resource` | either value of one key |\n"
        "| `filter=metadata.annotations.backstage.io/techdocs-ref` | it is there |\n"
        "| `filter=relations.ownedby=group:default/checkout` | owned by that group |\n\n"
        "This entity\n\n```json\n"
        + json.dumps(entity, indent=2, ensure_ascii=False)
        + "\n```\n\nhas these keys:\n\n"
        + _table(("key", "values"), rows)
    )


if __name__ == "__main__":
    sys.exit(main())
