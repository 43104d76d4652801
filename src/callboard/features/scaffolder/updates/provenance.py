"""What is kept of a run when it completes: template, version, answers, outputs, and the tree it made; and the entity's annotation."""

from __future__ import annotations

import asyncio
from typing import Any, Mapping

import orjson

from callboard.features.catalog.interface.overlays import OverlayWrite
from callboard.features.scaffolder.interface.updates import RUN_ANNOTATION, TEMPLATE_ANNOTATION, FinishedRun
from callboard.features.scaffolder.job_kinds import ANNOTATE_JOB
from callboard.features.scaffolder.language import Language, render_json
from callboard.features.scaffolder.updates import store
from callboard.features.scaffolder.updates.answers import public_answers
from callboard.features.scaffolder.updates.parts import UpdateParts
from callboard.features.scaffolder.updates.rendering import Rendering, makes_files_unseen, renders
from callboard.features.scaffolder.updates.trees import Tree, TreeBounds, below, lifted, read_folder
from callboard.features.scaffolder.updates.updating import Target
from callboard.features.scaffolder.updates.versions import read_version
from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.clock import format_time
from callboard.kernel.errors import CallboardError, LimitError, NotAllowedError, UnavailableError
from callboard.kernel.jobs import JobContext
from callboard.kernel.logs import get_logger
from callboard.model.refs import EntityRef, RefError

log = get_logger(__name__)
BOUNDS = TreeBounds(files=5_000, total_bytes=64 * 1024 * 1024)
"""Larger trees are not kept: such entities are listed, but not updated here."""
MAX_OUTPUT_BYTES = 256 * 1024
ORIGIN = "portal:scaffolder"
RUN_FIELD = f'metadata.annotations["{RUN_ANNOTATION}"]'
TEMPLATE_FIELD = f'metadata.annotations["{TEMPLATE_ANNOTATION}"]'


class Provenance:
    """``RunRecorder`` of a portal."""

    def __init__(self, parts: UpdateParts) -> None:
        self._parts = parts

    async def record_run(self, run: FinishedRun) -> None:
        """Keep what the run made, if it made an entity. Never raises."""
        try:
            await self._record(run)
        except CallboardError as error:
            log.warning("run not recorded for updates", task=run.task_id, problem=error.message)
        except Exception:
            log.exception("run not recorded for updates", task=run.task_id)

    async def _record(self, run: FinishedRun) -> None:
        info = run.spec.get("templateInfo") or {}
        template_ref = str(info.get("entityRef") or "").lower()
        entity_ref = find_entity_ref(run.outputs, run.output)
        if not template_ref or entity_ref is None:
            return
        parts = self._parts
        target = await parts.read_target(template_ref, SYSTEM)
        parameters = run.spec.get("parameters") or {}
        answers = public_answers(target.template, parameters)
        outputs = {step["id"]: run.outputs[step["id"]] for step in run.spec["steps"]
                   if not renders(step["action"]) and step["id"] in run.outputs}  # fmt: skip
        root, into = find_places(run.spec, run.outputs)
        tree, has_tree = await self._tree(run, target, answers, outputs)
        version = await self._version(target, run.task_id)
        now = format_time(parts.clock.now())
        kept = orjson.dumps(outputs).decode()
        async with parts.db.write() as tx:
            number = await store.keep_version(tx, template_ref, version, now) if version else 0
            row = store.MadeRow(
                run.task_id, template_ref, entity_ref, target.base_url, version, number, orjson.dumps(answers).decode(),
                orjson.dumps(run.spec.get("user") or {}).decode(), kept if len(kept) <= MAX_OUTPUT_BYTES else "{}",
                _output(run.outputs, "remoteUrl"), _output(run.outputs, "repoContentsUrl"), root, into, int(has_tree), now,
                run.created_by,
            )  # fmt: skip
            await store.keep_made(tx, row, lifted(below(tree, root), into))
            await parts.jobs.enqueue(
                tx, ANNOTATE_JOB, {"ref": entity_ref, "task": run.task_id, "template": template_ref}, key=entity_ref
            )

    async def _tree(
        self, run: FinishedRun, target: Target, answers: Mapping[str, Any], outputs: Mapping[str, Any]
    ) -> tuple[Tree, bool]:
        """As the run left it; as it would be rendered, where steps that rendering skips may have added files of their own."""
        try:
            if makes_files_unseen(run.spec):
                rendering = Rendering(
                    target.template,
                    target.ref,
                    target.base_url,
                    answers,
                    run.spec.get("user") or {},
                    run.task_id,
                    outputs,
                )
                return (await self._parts.renderer.render(rendering)).tree, True
            return await asyncio.to_thread(read_folder, run.folder, None, BOUNDS), True
        except (LimitError, CallboardError) as error:
            log.warning("tree of a run not kept", task=run.task_id, problem=error.message)
            return {}, False

    async def _version(self, target: Target, task_id: str) -> str:
        try:
            return await read_version(target.template, target.base_url, self._parts.source)
        except CallboardError as error:
            log.warning("version of a template not read", template=target.ref, task=task_id, problem=error.message)
            return ""

    async def annotate(self, context: JobContext) -> None:
        """Lay the id of the task over the entity, once the catalog has read it; and its template, which the text may not name. A catalog that may not be written to goes without.

        Raises ``UnavailableError`` while the entity is not there: the job is tried again.
        """
        try:
            self._parts.sources.require_writable()
        except NotAllowedError:
            return
        ref, overlays = str(context.payload["ref"]), self._parts.overlays
        async with self._parts.db.write() as tx:
            standing = (await overlays.list_overlays(tx, [ref])).get(ref)
            ground = (await overlays.list_grounds(tx, [ref])).get(ref)
            if standing is None and ground is None:
                raise UnavailableError(f"{ref} is not in the catalog yet.")
            fields = {path: one.value for path, one in standing.fields.items()} if standing is not None else {}
            fields[RUN_FIELD] = str(context.payload["task"])
            said = ground.source["metadata"].get("annotations") or {} if ground is not None else {}
            if TEMPLATE_ANNOTATION not in said and context.payload.get("template"):
                fields[TEMPLATE_FIELD] = str(context.payload["template"])
            await overlays.write(tx, [OverlayWrite(ref, fields)], actor=ORIGIN)


def find_entity_ref(outputs: Mapping[str, Mapping[str, Any]], output: Mapping[str, Any]) -> str | None:
    """The entity that a run made: what a step (``catalog:register``) or the output calls ``entityRef``, lower-cased."""
    links = output.get("links")
    rows = [*outputs.values(), output, *(links if isinstance(links, list) else ())]
    for row in rows:
        said = row.get("entityRef") if isinstance(row, Mapping) else None
        if isinstance(said, str) and said:
            try:
                return str(EntityRef.parse(said, default_kind="component")).lower()
            except RefError:
                continue
    return None


def find_places(spec: Mapping[str, Any], outputs: Mapping[str, Mapping[str, Any]]) -> tuple[str, str]:
    """Which folder of the workspace was published (``sourcePath``), and where to in the repository (``targetPath``)."""
    language = Language()
    context = {
        "parameters": spec.get("parameters") or {},
        "steps": {id: {"output": output} for id, output in outputs.items()},
    }
    for step in spec.get("steps") or ():
        given = step.get("input")
        if str(step.get("action", "")).startswith("publish:") and isinstance(given, Mapping) and step["id"] in outputs:
            found = [render_json(language, given.get(name), context) for name in ("sourcePath", "targetPath")]
            root, into = (one.strip("/").removeprefix("./") if isinstance(one, str) else "" for one in found)
            return ("" if root == "." else root), ("" if into == "." else into)
    return "", ""


def _output(outputs: Mapping[str, Mapping[str, Any]], name: str) -> str:
    return next((str(output[name]) for output in outputs.values() if isinstance(output.get(name), str)), "")
