"""``callboard serve``: settings, address, portal, server. The options stand here once, for typer and for the short way."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterator, Sequence

from callboard.cli.output import OK, exit_code_of, print_error
from callboard.kernel.errors import CallboardError, InputError, UnavailableError

if TYPE_CHECKING:
    from callboard.app import Portal
    from callboard.kernel.settings import Settings

DEFAULT_PORT = 7007
DEFAULT_DATA = Path("callboard-data")
_LOOPBACK_NAMES = ("localhost", "ip6-localhost")


@dataclass(frozen=True, slots=True)
class Option:
    """One option. ``kind``: path, text, number or flag; ``choices`` limits text; ``repeat`` collects a list."""

    flag: str
    kind: str
    help: str
    default: Any = None
    repeat: bool = False
    choices: tuple[str, ...] = ()
    minimum: int = 0
    maximum: int = 65535

    @property
    def name(self) -> str:
        return self.flag.removeprefix("--").replace("-", "_")


SERVE_OPTIONS: tuple[Option, ...] = (
    Option(
        "--config",
        "path",
        "A settings file; later ones win. Default: app-config.yaml and its kin, if there.",
        repeat=True,
    ),
    Option("--data", "path", "Folder of the database and everything else that is kept.", DEFAULT_DATA),
    Option("--host", "text", "Address to bind. Default: backend.listen of the settings, else 127.0.0.1."),
    Option("--port", "number", "Port to bind, 0 for any free one. Default: backend.listen of the settings, else 7007."),
    Option("--demo", "flag", "Show the example organisation, with a guest who may look and try.", False),
    Option("--strict-config", "flag", "Refuse settings with unknown keys.", False),
    Option("--log-format", "text", "How log lines look.", None, choices=("console", "json")),
    Option("--log-level", "text", "How much is logged.", None, choices=("debug", "info", "warning", "error")),
    Option("--json", "flag", "Print the address as JSON, on one line, instead of the banner.", False),
)


@dataclass(slots=True)
class ServeOptions:
    """What was asked for on the command line."""

    config: list[Path] = field(default_factory=list)
    data: Path = DEFAULT_DATA
    host: str | None = None
    port: int | None = None
    demo: bool = False
    strict_config: bool = False
    log_format: str | None = None
    log_level: str | None = None
    json: bool = False


def parse_quickly(arguments: Sequence[str]) -> ServeOptions | None:
    """Options of a well-formed command line; None for anything else, which is then typer's to explain."""
    by_flag = {option.flag: option for option in SERVE_OPTIONS}
    options = ServeOptions()
    rest = list(arguments)
    while rest:
        flag, equals, text = rest.pop(0).partition("=")
        option = by_flag.get(flag)
        if option is None or (equals and option.kind == "flag"):
            return None
        if option.kind == "flag":
            setattr(options, option.name, True)
            continue
        if not equals:
            if not rest or rest[0].startswith("-"):
                return None
            text = rest.pop(0)
        value = _parse_value(option, text)
        if value is None:
            return None
        if option.repeat:
            getattr(options, option.name).append(value)
        else:
            setattr(options, option.name, value)
    return options


def _parse_value(option: Option, text: str) -> Any:
    if option.kind == "path":
        return Path(text) if text else None
    if option.kind == "number":
        return (
            int(text) if text.isascii() and text.isdigit() and option.minimum <= int(text) <= option.maximum else None
        )
    return text if text and (not option.choices or text in option.choices) else None


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen. ``host`` as given; an empty one means every address."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can connect. A name other than localhost counts as beyond."""
        import ipaddress

        if self.host.lower() in _LOOPBACK_NAMES:
            return True
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False


def parse_listen(
    settings: Settings, host: str | None = None, port: int | None = None, *, demo: bool = False
) -> Address:
    """The address from the command line, else from ``backend.listen``, else ``127.0.0.1:7007``.

    ``backend.listen`` is ``:7007``, ``host:port`` or ``{host, port}``; a settings file that names no host means every
    address, as in Backstage; a demo stays on this machine unless a host is named. Raises ``SettingsError``.
    """
    value = settings.get("backend.listen")
    listen_host: str | None = None
    listen_port = DEFAULT_PORT
    if isinstance(value, dict):
        listen_host = settings.get_str("backend.listen.host", None)
        listen_port = settings.get_int("backend.listen.port", DEFAULT_PORT)
    elif value is not None:
        text = str(value).strip()
        before, _, after = text.rpartition(":")
        if not after.isdigit():
            raise settings.error(
                "backend.listen", f"backend.listen must be ':7007', 'host:port' or {{host, port}}, not {text!r}"
            )
        listen_host, listen_port = before.strip("[]") or None, int(after)
    if listen_port > 65535 or listen_port < 0:
        raise settings.error("backend.listen", f"{listen_port} is no port")
    # A file that does not speak of the address must not open the portal to the network.
    fallback = "" if value is not None and not demo else "127.0.0.1"
    return Address(
        host if host is not None else (listen_host if listen_host is not None else fallback),
        port if port is not None else listen_port,
    )


def with_address(settings: Settings, address: Address, port: int) -> Settings:
    """The settings as they hold for a server at this address: who may enter as a guest, and links, depend on it."""
    host = address.host.strip("[]") or ("::" if socket.has_dualstack_ipv6() else "0.0.0.0")
    given: dict[str, Any] = {"backend": {"listen": {"host": host, "port": port}}}
    if not settings.has("backend.baseUrl"):
        given["backend"]["baseUrl"] = _url_of(address, port)
    return settings.overlaid(given, name="command line")


def require_safe_address(settings: Settings, address: Address, *, demo: bool) -> None:
    """Refuse a demo that others could reach, unless the settings allow guests by name. Raises ``InputError``."""
    if not demo or address.is_loopback:
        return
    if settings.get_bool("auth.providers.guest.dangerouslyAllowOutsideDevelopment", False):
        return
    raise InputError(
        f"--demo lets everybody in as guest, and {address.host or 'every address'} can be reached by others. Listen on 127.0.0.1,"
        " or set auth.providers.guest.dangerouslyAllowOutsideDevelopment: true if that is meant."
    )


def run_serve(options: ServeOptions) -> int:
    """Start the server and stay until it is told to stop; the exit code."""
    gc.disable()  # until the portal has started: modules and routes are no garbage, and looking for some takes time
    from callboard.kernel.settings import Settings

    try:
        settings = Settings.load(options.config, strict=options.strict_config)
        _configure_logs(options, settings)
        address = parse_listen(settings, options.host, options.port, demo=options.demo)
        require_safe_address(settings, address, demo=options.demo)
    except CallboardError as error:
        print_error(error, as_json=options.json)
        return exit_code_of(error)
    try:
        return _run(options, settings, address)
    except KeyboardInterrupt:
        return OK
    except CallboardError as error:
        print_error(error, as_json=options.json)
        return exit_code_of(error)


def _configure_logs(options: ServeOptions, settings: Settings) -> None:
    from callboard.kernel.logs import configure_logs

    level = options.log_level or settings.get_str("backend.logger.level", "info")
    log_format = options.log_format or settings.get_str("backend.logger.format", "console")
    try:
        configure_logs(log_format == "json", "warning" if level == "warn" else level, secrets=settings.secrets)
    except ValueError as error:
        raise settings.error("backend.logger.level", str(error)) from None


@dataclass(slots=True)
class _Run:
    """One portal from its start to its end.

    ``new_file``: it asked to be started again with this settings file. ``is_stopped``: somebody told the process to end, which
    holds even where a new start was asked for just before.
    """

    settings: Settings
    new_file: Path | None = None
    is_stopped: bool = False
    failed: CallboardError | None = None
    fault: str = ""
    """Why the settings that came before these could not be used."""


def _run(options: ServeOptions, settings: Settings, address: Address) -> int:
    """Portals one after the other on one listening socket: whoever connects in between waits, and is not turned away."""
    listener = _bind(address)
    run, before = _Run(settings), None
    try:
        while True:
            try:
                _runner()(_serve(options, run, address, listener))
            except CallboardError as error:
                run.failed = error
            if run.failed is not None:
                if before is None:
                    raise run.failed
                print_error(run.failed, as_json=options.json)
                run, before = _Run(before, fault=run.failed.message), None
            elif run.new_file is None or run.is_stopped:
                return OK
            else:
                before, run = run.settings, _next_run(options, run)
            gc.unfreeze()  # the portal that ended is garbage now
            gc.collect()
    finally:
        listener.close()


def _next_run(options: ServeOptions, run: _Run) -> _Run:
    from callboard.kernel.settings import Settings

    assert run.new_file is not None
    named = [] if run.new_file.parent == Path.cwd() else [run.new_file]
    try:
        settings = Settings.load(named, strict=options.strict_config)
        _configure_logs(options, settings)
        return _Run(settings)
    except CallboardError as error:
        return _Run(run.settings, fault=error.message)


def _runner() -> Any:
    try:
        import uvloop
    except ImportError:  # no uvloop on this platform
        return asyncio.run
    return uvloop.run


async def _serve(options: ServeOptions, run: _Run, address: Address, listener: socket.socket) -> None:
    import uvicorn

    from callboard.app import create_portal

    port = listener.getsockname()[1]
    url = _url_of(address, port)
    portal = await create_portal(with_address(run.settings, address, port), data_dir=options.data, demo=options.demo)
    config = uvicorn.Config(
        portal.asgi,
        http=_find_protocol(),
        ws="websockets-sansio" if _has("websockets") else "none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(run.settings.get_bool("backend.trustProxy", False)),
        timeout_graceful_shutdown=1,
        timeout_keep_alive=30,
        backlog=2048,
    )
    server = _make_server(config, portal, run)

    def restart(file: Path) -> None:
        run.new_file = file
        server.should_exit = True  # not stop(): what is asked on an open connection until then is still answered

    portal.restarting.offer(restart, run.fault)
    try:
        starting = asyncio.ensure_future(_start(portal, server, url, options))
        await server.serve(sockets=[listener.dup()])  # it closes what it was given
        run.failed = await _finish(starting)
    finally:
        await portal.close()


def _make_server(config: Any, portal: Portal, run: _Run) -> Any:
    import uvicorn

    class Server(uvicorn.Server):
        """Ends on SIGTERM and SIGINT, and lets the portal close: uvicorn's own way kills the process before that."""

        def __init__(self, config: Any) -> None:
            super().__init__(config)
            self.listening = asyncio.Event()

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            self.listening.set()

        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, self._stop)
            try:
                yield
            finally:
                for number in (signal.SIGINT, signal.SIGTERM):
                    loop.remove_signal_handler(number)

        def _stop(self) -> None:
            run.is_stopped = True
            portal.begin_stop()  # open streams end instead of being cut
            self.force_exit = self.should_exit
            self.should_exit = True

    return Server(config)


async def _start(portal: Portal, server: Any, url: str, options: ServeOptions) -> CallboardError | None:
    """Start the portal while the server listens already; the error if it failed, and then the server ends."""
    try:
        await portal.start()
    except CallboardError as error:
        server.should_exit = True
        return error
    except BaseException:
        server.should_exit = True
        raise
    finally:
        gc.freeze()  # what start-up made stays until the end: no need to look at it again
        gc.enable()
    await server.listening.wait()
    if not server.should_exit:
        _print_banner(portal, url, options, await _make_setup_token(portal, options))
    return None


async def _make_setup_token(portal: Any, options: ServeOptions) -> str | None:
    """What opens the set-up page, where there is something to set up and a person to read it."""
    if options.json or options.demo or portal.settings.has_file or not portal.plugins.has("setup"):
        return None
    from callboard.features.setup.interface import SetupService

    try:
        token: str | None = await portal.service(SetupService).make_token()
    except CallboardError as error:  # a portal without its set-up page is still a portal
        print_error(error)
        return None
    return token


async def _finish(starting: asyncio.Future[CallboardError | None]) -> CallboardError | None:
    if not starting.done():
        starting.cancel()
    try:
        return await starting
    except asyncio.CancelledError:
        return None


def _bind(address: Address) -> socket.socket:
    """A listening socket. Raises ``UnavailableError`` if the address is taken or is not ours."""
    host = address.host.strip("[]")
    family = socket.AF_INET6 if ":" in host or (not host and socket.has_dualstack_ipv6()) else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6 and not host:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind((host, address.port))
        listener.listen(2048)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        where = f"{host or '*'}:{address.port}"
        raise UnavailableError(
            f"cannot listen on {where}: {error.strerror or error}. Choose another with --port or --host."
        ) from None
    return listener


def _url_of(address: Address, port: int) -> str:
    host = address.host.strip("[]") or "localhost"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _find_protocol() -> Any:
    if not _has("httptools"):
        return "auto"
    from callboard.kernel.web.protocol import LimitedProtocol

    return LimitedProtocol


def _has(module: str) -> bool:
    from importlib.util import find_spec

    return find_spec(module) is not None


def _print_banner(portal: Portal, url: str, options: ServeOptions, setup_token: str | None = None) -> None:
    from callboard import __version__

    if options.json:
        import json

        print(json.dumps({"event": "listening", "url": url, "pid": os.getpid(), "version": __version__}), flush=True)
        return
    title = portal.settings.get_str("app.title", "Callboard")
    lines = [f"{title} is ready at {url}", f"  Callboard {__version__}, data in {portal.data_dir}"]
    if portal.settings.files:
        lines.append(f"  settings: {', '.join(portal.settings.files)}")
    else:
        lines.append("  no settings file: `callboard init` writes one to begin with")
    if setup_token is not None:
        lines.append(f"  set it up in the browser: {url}/setup?token={setup_token}")
    if options.demo:
        lines.append("  demo: everybody on this machine is a guest")
    lines += [f"  warning: {warning}" for warning in portal.settings.warnings]
    if broken := [problem for problem in portal.plugins.problems if problem.severity == "error"]:
        lines.append(f"  {len(broken)} plugin(s) left out: `callboard doctor` tells why")
    lines.append("  Stop with Ctrl+C")
    print("\n".join(lines), flush=True)
