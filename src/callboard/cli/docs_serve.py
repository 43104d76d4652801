"""``callboard docs serve``: a folder of documentation as Callboard will show it, while it is written."""

from __future__ import annotations

import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional
from urllib.parse import unquote, urlsplit

import typer

from callboard.cli.output import PROBLEMS, USAGE, print_error
from callboard.kernel.errors import CallboardError

if TYPE_CHECKING:
    from callboard.features.techdocs.rendering import SiteModel

_POLICY = (
    "default-src 'none'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; script-src 'self'; connect-src 'self'"
)
_CHANGES = "/-/changes"
_SCRIPT_PATH = "/-/preview.js"
_SCRIPT = (
    "let mark;setInterval(async()=>{try{const r=await fetch('/-/changes');const m=await r.text();"
    "if(mark&&mark!==m)location.reload();mark=m}catch{}},1000)"
)


class Preview:
    """A folder that is read again whenever it differs. Methods are called by several threads."""

    def __init__(self, folder: Path, name: str | None) -> None:
        from callboard.features.techdocs.settings import SourceLimits
        from callboard.features.techdocs.sources.folder import SiteFolder

        self._folder = SiteFolder(str(folder), str(folder), SourceLimits(), docs_dir=None, all_below=False)
        self._name = name or folder.name
        self._lock = threading.Lock()
        self._mark = ""
        self._files: dict[str, bytes] = {}
        self._model: SiteModel | None = None

    def mark(self) -> str:
        return self._folder.signature(sorted(self._files))

    def model(self) -> tuple[SiteModel, dict[str, bytes]]:
        """The site as it is now. Raises ``CallboardError`` where it cannot be read."""
        from callboard.features.techdocs.rendering import MemoryFiles, SiteDefaults
        from callboard.features.techdocs.rendering.site import read_site

        with self._lock:
            mark = self.mark()
            if self._model is None or mark != self._mark:
                self._files, _ = self._folder.read()
                self._model = read_site(MemoryFiles(self._files), SiteDefaults(self._name))
                self._mark = self.mark()
            return self._model, self._files

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """(status, media type, content) for an address."""
        from callboard.features.techdocs.rest import frame
        from callboard.features.techdocs.types import media_type_of

        if path == _CHANGES:
            return 200, "text/plain; charset=utf-8", self.mark().encode()
        if path == _SCRIPT_PATH:
            return 200, "text/javascript; charset=utf-8", _SCRIPT.encode()
        plain = path.lstrip("/")
        if plain == frame.STYLE_PATH:
            return 200, "text/css; charset=utf-8", frame.STYLE.encode()
        model, files = self.model()
        file = model.documents.get(plain)
        page = model.find_page(plain)
        if page is None and file is not None:
            return 200, media_type_of(file), files[file]
        if page is None:
            return 404, "text/plain; charset=utf-8", f"There is no page {path}.".encode()
        return 200, "text/html; charset=utf-8", self._html(model, files, page.path).encode()

    def _html(self, model: SiteModel, files: dict[str, bytes], path: str) -> str:
        from markupsafe import Markup

        from callboard.features.techdocs.interface import Page, Site
        from callboard.features.techdocs.rendering import MemoryFiles, SiteAddress
        from callboard.features.techdocs.rendering.render import render
        from callboard.features.techdocs.rest import frame
        from callboard.kernel.clock import SystemClock

        rendered = render(model, path, MemoryFiles(files), SiteAddress("/", "/"))
        site = Site(
            "preview",
            model.title,
            model.description,
            "live",
            None,
            model.digest,
            model.nav,
            len(model.pages),
            SystemClock().now(),
        )
        page = Page(site, path, rendered.file, rendered.title, Markup(rendered.html), rendered.toc)
        told = "".join(f"<li>{Markup.escape(_where(one))}</li>" for one in rendered.problems)
        html = frame.page_html(site, page, "/")
        problems = f"<aside><p>On this page:</p><ul>{told}</ul></aside>" if told else ""
        return html.replace("</body>", f'{problems}<script src="{_SCRIPT_PATH}"></script></body>')


def _where(problem: Any) -> str:
    return f"{problem.file}{f':{problem.line}' if problem.line else ''}: {problem.message}"


def make_server(preview: Preview, host: str, port: int) -> ThreadingHTTPServer:
    """Serves until told to stop. Only what this machine's own address asks for is answered."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = (self.headers.get("host") or "").rpartition(":")[0] or self.headers.get("host") or ""
            if name.strip("[]") not in ("localhost", "127.0.0.1", "::1", host):
                self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
                return
            try:
                status, media_type, content = preview.answer(unquote(urlsplit(self.path).path))
            except CallboardError as error:
                status, media_type, content = 500, "text/plain; charset=utf-8", error.message.encode()
            self.send_response(status)
            self.send_header("content-type", media_type)
            self.send_header("content-length", str(len(content)))
            self.send_header("cache-control", "no-store")
            self.send_header("x-content-type-options", "nosniff")
            self.send_header("content-security-policy", _POLICY)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Nothing: the terminal is for problems."""

    return ThreadingHTTPServer((host, port), Handler)


def serve(
    path: Annotated[Path, typer.Argument(help="Folder of the site, with mkdocs.yml or docs/.")] = Path(),
    port: Annotated[
        int, typer.Option("--port", help="Port on this machine; 0 takes a free one.", min=0, max=65535)
    ] = 3000,
    name: Annotated[Optional[str], typer.Option("--name", help="Name of the site where mkdocs.yml has none.")] = None,
) -> None:
    """Show a folder of documentation in the browser, as Callboard will, and again whenever it changes.

    Nothing is kept, and only this machine is answered. Exit status 2 when the folder holds no documentation.
    """
    preview = Preview(path.absolute(), name)
    try:
        model, _ = preview.model()
    except CallboardError as error:
        print_error(error)
        raise typer.Exit(USAGE) from None
    try:
        server = make_server(preview, "127.0.0.1", port)
    except OSError as error:
        print_error(f"Port {port} cannot be used: {error.strerror}. Choose another with --port.")
        raise typer.Exit(PROBLEMS) from None
    for problem in model.problems:
        print_error(_where(problem))
    print(
        f"{model.title}: {len(model.pages)} pages at http://127.0.0.1:{server.server_port}/ (end with Ctrl+C)",
        flush=True,
    )
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
