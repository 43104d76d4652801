"""``fetch:plain``, ``fetch:plain:file``, ``fetch:template``, ``fetch:template:file``, ``workspace:template``, ``workspace:template:file``."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

from callboard.features.scaffolder.actions.rendering import (
    RenderingSettings,
    context_from_input,
    options_from_input,
    render_content,
    render_tree,
)
from callboard.features.scaffolder.actions.schemas import NOTHING, example, fields, flag, mapping, text, texts
from callboard.features.scaffolder.actions.working import (
    Desk,
    exists,
    in_thread,
    inside,
    read_bytes,
    read_folder,
)
from callboard.features.scaffolder.interface import TemplateSource
from callboard.features.scaffolder.language import Language
from callboard.kernel.actions import Action, ActionAttributes, ActionContext
from callboard.kernel.errors import InputError
from callboard.kernel.read_file import TreeFile
from callboard.kernel.workspace import Workspace

_URL = text("Relative path or absolute URL pointing to the directory tree to fetch", title="Fetch URL")
_FILE_URL = text("Relative path or absolute URL pointing to the single file to fetch.", title="Fetch URL")
_TARGET = text(
    "Target path within the working directory to download the contents to. Defaults to the working directory root.",
    title="Target Path",
)
_FILE_TARGET = text("Target path within the working directory to download the file as.", title="Target Path")
_TOKEN = text("An optional token to use for authentication when reading the resources.", title="Token")
_VALUES = mapping("Values to pass on to the templating engine", title="Template Values")
_COMPAT = flag(
    "Enable features to maximise compatibility with templates built for fetch:cookiecutter",
    title="Cookiecutter compatibility mode",
)
_REPLACE = flag(
    "If set, replace files in targetPath instead of skipping existing ones.", title="Replace files", default=False
)
_TRIM = flag("If set, the first newline after a block is removed (block, not variable tag).", title="Trim Blocks")
_LSTRIP = flag(
    "If set, leading spaces and tabs are stripped from the start of a line to a block.", title="Left Strip Blocks"
)
_TREE: Mapping[str, Any] = {
    "values": _VALUES,
    "copyWithoutTemplating": texts(
        "An array of glob patterns. Contents of matched files or directories are copied without being processed, but paths "
        "are subject to rendering.",
        title="Copy Without Templating",
    ),
    "cookiecutterCompat": _COMPAT,
    "templateFileExtension": {
        "type": ["string", "boolean"],
        "title": "Template File Extension",
        "description": "If set, only files with the given extension will be templated. If set to `true`, the default "
        "extension `.njk` is used.",
    },
    "replace": _REPLACE,
    "trimBlocks": _TRIM,
    "lstripBlocks": _LSTRIP,
}
_FILE: Mapping[str, Any] = {
    "values": _VALUES,
    "cookiecutterCompat": _COMPAT,
    "replace": _REPLACE,
    "trimBlocks": _TRIM,
    "lstripBlocks": _LSTRIP,
}


class Fetching:
    """Handlers. ``language`` is asked for when a step runs: plugins may add to it until then."""

    def __init__(self, source: TemplateSource, language: Callable[[], Language]) -> None:
        self._source = source
        self._language = language

    async def plain(self, context: ActionContext) -> Mapping[str, Any]:
        context.log("Fetching plain content from remote URL")
        files = await self._read_tree(context)
        target = inside(context.folder, context.input.get("targetPath") or "./")

        def work(desk: Desk) -> None:
            place = context.folder.child(target)
            for file in files:
                desk.put(place, file)

        await in_thread(context, work)
        return {}

    async def plain_file(self, context: ActionContext) -> Mapping[str, Any]:
        context.log("Fetching plain content from remote URL")
        target = inside(context.folder, context.input["targetPath"])
        file = await self._read_file(context)
        await in_thread(context, lambda desk: desk.write(context.folder, target, file.content))
        return {}

    async def template(self, context: ActionContext) -> Mapping[str, Any]:
        settings = RenderingSettings.from_input(context.input)
        target = inside(context.folder, context.input.get("targetPath") or "./")
        if context.input.get("copyWithoutRender"):
            context.log("copyWithoutRender means nothing any more. Use copyWithoutTemplating.")
        context.log("Fetching template content from remote URL")
        files = await self._read_tree(context)
        await self._render(context, lambda: files, target, settings)
        return {}

    async def template_file(self, context: ActionContext) -> Mapping[str, Any]:
        target = inside(context.folder, context.input["targetPath"])
        if _is_kept(context, target):
            return {}
        context.log("Fetching template file content from remote URL")
        file = await self._read_file(context)
        await self._render_file(context, lambda: file, target)
        return {}

    async def workspace_template(self, context: ActionContext) -> Mapping[str, Any]:
        settings = RenderingSettings.from_input(context.input)
        source = inside(context.folder, context.input["sourcePath"])
        target = inside(context.folder, context.input["targetPath"])
        if _is_within(context.folder, target, source):
            raise InputError("targetPath must not be within template path", field="targetPath")
        await self._render(context, lambda: list(read_folder(context.folder, source)), target, settings)
        return {}

    async def workspace_template_file(self, context: ActionContext) -> Mapping[str, Any]:
        source = inside(context.folder, context.input["sourcePath"])
        target = inside(context.folder, context.input["targetPath"])
        if _is_kept(context, target):
            return {}
        await self._render_file(context, lambda: TreeFile(source, read_bytes(context.folder, source)), target)
        return {}

    async def _read_tree(self, context: ActionContext) -> Sequence[TreeFile]:
        given = context.input
        return await self._source.read_tree(given["url"], base_url=base_url_of(context), token=given.get("token"))

    async def _read_file(self, context: ActionContext) -> TreeFile:
        given = context.input
        return await self._source.read_file(given["url"], base_url=base_url_of(context), token=given.get("token"))

    async def _render(
        self,
        context: ActionContext,
        files: Callable[[], Sequence[TreeFile]],
        target: str,
        settings: RenderingSettings,
    ) -> None:
        language, values = self._language(), context_from_input(context.input)

        def work(desk: Desk) -> None:
            found = files()
            place = context.folder.child(target)
            render_tree(desk, found, place, language=language, context=values, settings=settings)

        await in_thread(context, work)
        context.log(f"Template result written to {target}")

    async def _render_file(self, context: ActionContext, read: Callable[[], TreeFile], target: str) -> None:
        language, values = self._language(), context_from_input(context.input)
        options = options_from_input(context.input)

        def work(desk: Desk) -> None:
            file = read()
            desk.write(context.folder, target, render_content(file, language, values, options))

        await in_thread(context, work)
        context.log(f"Template file has been written to {target}")


def base_url_of(context: ActionContext) -> str:
    """What relative addresses of the step's template resolve against; "" where there is none."""
    return str(context.step.template.get("baseUrl") or "") if context.step is not None else ""


def _is_kept(context: ActionContext, target: str) -> bool:
    if context.input.get("replace") or not exists(context.folder, target):
        return False
    context.log(f"File {target} already exists in workspace, not replacing.")
    return True


def _is_within(workspace: Workspace, path: str, folder: str) -> bool:
    inner, outer = workspace.resolve(path), workspace.resolve(folder)
    return inner == outer or outer in inner.parents


def fetching_actions(fetching: Fetching) -> Sequence[Action]:
    """All six; each really runs in a dry run."""

    def make(
        id: str,
        title: str,
        description: str,
        handler: Any,
        properties: Mapping[str, Any],
        required: Sequence[str],
        *shown: Any,
    ) -> Action:
        return Action(
            id, title, description, handler,
            input_schema=fields(properties, required), output_schema=NOTHING,
            attributes=ActionAttributes(destructive=False, idempotent=True),
            supports_dry_run=True, needs_workspace=True, examples=shown,
        )  # fmt: skip

    return [
        make(
            "fetch:plain", "Fetch files",
            "Downloads content and places it in the workspace, or optionally in a subdirectory specified by the "
            "`targetPath` input option.",
            fetching.plain, {"url": _URL, "targetPath": _TARGET, "token": _TOKEN}, ["url"],
            example("Downloads content and places it in the workspace.", "fetch:plain",
                    {"url": "https://github.com/backstage/community/tree/main/backstage-community-sessions/assets"}),
            example("Optionally, if you would prefer the data to be downloaded to a subdirectory in the workspace you may "
                    "specify the `targetPath` input option.", "fetch:plain",
                    {"url": "./skeleton/docs", "targetPath": "docs"}),
        ),
        make(
            "fetch:plain:file", "Fetch a file",
            "Downloads single file and places it in the workspace.",
            fetching.plain_file, {"url": _FILE_URL, "targetPath": _FILE_TARGET, "token": _TOKEN}, ["url", "targetPath"],
            example("Downloads a file and places it in the workspace.", "fetch:plain:file",
                    {"url": "https://github.com/backstage/community/tree/main/README.md", "targetPath": "target-path"}),
        ),
        make(
            "fetch:template", "Fetch and render files",
            "Downloads a skeleton, templates variables into file and directory names and content, and places the result in "
            "the workspace, or optionally in a subdirectory specified by the `targetPath` input option.",
            fetching.template, {"url": _URL, "targetPath": _TARGET, **_TREE, "token": _TOKEN}, ["url"],
            example("Downloads a skeleton directory that lives alongside the template file and fills it out with values.",
                    "fetch:template",
                    {"url": "./skeleton", "targetPath": "./target",
                     "values": {"name": "test-project", "count": 1234, "itemList": ["first", "second", "third"],
                                "showDummyFile": False},
                     "copyWithoutTemplating": [".github/workflows/*"]}),
        ),
        make(
            "fetch:template:file", "Fetch and render a file",
            "Downloads single file and places it in the workspace.",
            fetching.template_file, {"url": _FILE_URL, "targetPath": _FILE_TARGET, **_FILE, "token": _TOKEN},
            ["url", "targetPath"],
            example("Downloads a template file from the remote, fills it out with values and places it in the workspace.",
                    "fetch:template:file",
                    {"url": "./skeleton.txt", "targetPath": "./target/skeleton.txt",
                     "values": {"name": "test-project", "count": 1234}}),
        ),
        make(
            "workspace:template", "Render files of the workspace",
            "Templates variables into file and directory names and content of a folder of the workspace, and places the "
            "result in the folder specified by the `targetPath` input option.",
            fetching.workspace_template,
            {"sourcePath": text("Path within the working directory of the folder to render.", title="Source Path"),
             "targetPath": text("Target path within the working directory to write the result to. It must not be inside "
                                "the source path.", title="Target Path"), **_TREE},
            ["sourcePath", "targetPath"],
            example("Renders a folder of the workspace into another one.", "workspace:template",
                    {"sourcePath": "./templates", "targetPath": "./result", "values": {"name": "test-project"}}),
        ),
        make(
            "workspace:template:file", "Render a file of the workspace",
            "Templates variables into a file of the workspace and places the result beside it.",
            fetching.workspace_template_file,
            {"sourcePath": text("Path within the working directory of the file to render.", title="Source Path"),
             "targetPath": text("Target path within the working directory to write the result to.", title="Target Path"),
             **_FILE},
            ["sourcePath", "targetPath"],
            example("Renders a file of the workspace.", "workspace:template:file",
                    {"sourcePath": "./README.md.njk", "targetPath": "./README.md", "values": {"name": "test-project"}}),
        ),
    ]  # fmt: skip
