"""``roadiehq:utils:jsonata``, ``…:jsonata:json:transform``, ``…:jsonata:yaml:transform``: JSONata expressions over values and files.

The expression runs in a process of its own (``jsonata_worker``), with bounds on time, memory and output, that ends with the step.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any, Mapping, Sequence

from callboard.features.scaffolder.actions.roadie.documents import (
    YAML_OPTIONS,
    parse_json,
    parse_yaml,
    parse_yaml_documents,
    to_json_text,
    to_yaml_text,
)
from callboard.features.scaffolder.actions.roadie.serializing import keep_fields
from callboard.features.scaffolder.actions.schemas import anything, example, fields, flag, text, texts
from callboard.features.scaffolder.actions.working import in_thread, inside, read_text
from callboard.kernel.actions import Action, ActionAttributes, ActionContext
from callboard.kernel.errors import InputError, LimitError

WORKER = Path(__file__).with_name("jsonata_worker.py")
TIMEOUT_S = 15.0
MAX_OUTPUT_BYTES = 8 * 1024 * 1024


async def evaluate(expression: str, data: Any) -> Any:
    """The value of the expression; None for nothing. Raises ``InputError``, ``LimitError`` when it takes too much."""
    given = json.dumps({"expression": expression, "data": data}).encode()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", str(WORKER), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL, env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"}, limit=MAX_OUTPUT_BYTES,
    )  # fmt: skip
    try:
        async with asyncio.timeout(TIMEOUT_S):
            out = await _talk(process, given)
    except TimeoutError:
        raise LimitError(f"The JSONata expression did not end within {TIMEOUT_S:g} seconds.") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    try:
        answer = json.loads(out)
    except ValueError:
        raise LimitError("The JSONata expression takes too much time, memory or output. Simplify it.") from None
    if "error" in answer:
        raise InputError(f"JSONata failed to evaluate the expression: {answer['error']}", field="expression")
    return answer["result"]


async def _talk(process: asyncio.subprocess.Process, given: bytes) -> bytes:
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(given)
        await process.stdin.drain()
    except (BrokenPipeError, ConnectionResetError):
        pass  # it ended early; what it said tells why
    process.stdin.close()
    out = bytearray()
    while chunk := await process.stdout.read(65_536):
        out += chunk
        if len(out) > MAX_OUTPUT_BYTES:
            return b""
    await process.wait()
    return bytes(out)


async def transform(context: ActionContext) -> Mapping[str, Any]:
    return {"result": await evaluate(context.input["expression"], context.input["data"])}


async def transform_json(context: ActionContext) -> Mapping[str, Any]:
    """The result as JSON text unless ``as`` is ``object``."""
    given = context.input
    path = inside(context.folder, given["path"])
    content = await in_thread(context, lambda desk: read_text(context.folder, path))
    result = await evaluate(given["expression"], parse_json(content, path))
    if given.get("as") == "object":
        return {"result": result}
    kept = given.get("replacer")
    return {"result": to_json_text(keep_fields(result, kept) if kept else result, given.get("space"))}


async def transform_yaml(context: ActionContext) -> Mapping[str, Any]:
    """The result as YAML text unless ``as`` is ``object``."""
    given = context.input
    path = inside(context.folder, given["path"])
    content = await in_thread(context, lambda desk: read_text(context.folder, path))
    data = parse_yaml_documents(content, path) if given.get("loadAll") else parse_yaml(content, path)
    result = await evaluate(given["expression"], data)
    return {"result": result if given.get("as") == "object" else to_yaml_text(result, given.get("options"))}


def jsonata_actions() -> Sequence[Action]:
    expression = text("JSONata expression to perform on the input")
    shape = text('Desired Result Type: "string" (default) or "object"', enum=["string", "object"], default="string")
    output = fields({"result": anything("Output result from JSONata")})
    reading = ActionAttributes(read_only=True, idempotent=True)
    return [
        Action(
            "roadiehq:utils:jsonata", "Transform values by JSONata",
            "Allows performing JSONata operations and transformations on input objects and produces the output result as a "
            "step output.", transform,
            input_schema=fields({"data": anything("Input data to be transformed"), "expression": expression},
                                ["data", "expression"]),
            output_schema=output, attributes=reading, supports_dry_run=True,
            examples=[example("Pick names", "roadiehq:utils:jsonata",
                              {"data": {"items": [{"name": "a"}, {"name": "b"}]}, "expression": "items.name"})],
        ),
        Action(
            "roadiehq:utils:jsonata:json:transform", "Transform a JSON file by JSONata",
            "Allows performing JSONata operations and transformations on a JSON file in the workspace. The result can be read "
            "from the `result` step output.", transform_json,
            input_schema=fields(
                {"path": text("Input path to read json file", minLength=1), "expression": expression,
                 "replacer": texts("Replacer array"), "space": text("Space character"), "as": shape},
                ["path", "expression"],
            ),
            output_schema=output, attributes=reading, supports_dry_run=True, needs_workspace=True,
            examples=[example("Change a version", "roadiehq:utils:jsonata:json:transform",
                              {"path": "package.json", "expression": "$merge([$, {'version': '2.0.0'}])"})],
        ),
        Action(
            "roadiehq:utils:jsonata:yaml:transform", "Transform a YAML file by JSONata",
            "Allows performing JSONata operations and transformations on a YAML file in the workspace. The result can be read "
            "from the `result` step output.", transform_yaml,
            input_schema=fields(
                {"path": text("Input path to read yaml file", minLength=1), "expression": expression,
                 "options": YAML_OPTIONS,
                 "loadAll": flag("Use this if the yaml source file contains multiple yaml objects"), "as": shape},
                ["path", "expression"],
            ),
            output_schema=output, attributes=reading, supports_dry_run=True, needs_workspace=True,
            examples=[example("Pick owners", "roadiehq:utils:jsonata:yaml:transform",
                              {"path": "systems.yaml", "expression": "spec.owner", "as": "object"})],
        ),
    ]  # fmt: skip
