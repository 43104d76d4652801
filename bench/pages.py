#!/usr/bin/env python3
"""What each page costs: CPU of the server for one request, and bytes over the wire with an empty cache.

    bench/pages.py [--n 10000] [--requests 40] [--catalog DIR] [--only NAMES] [--json FILE]

Starts ``callboard serve`` on a generated catalog (``../shared/peers/gen_catalog.py``; ``--catalog`` names a ready folder
with ``all.yaml``), beside it extremes: a group of 500, an entity with 300 relations, an API definition of 700 KB, a file
with mistakes, dozens of templates and hundreds of their runs, documentation of 231 pages. Signs in as somebody who owns
things and asks for every page over one connection, with other parameters each time where a page has some. CPU is that of
the server's threads as the kernel counts it. Bars: 50 ms a page at 10,000 entities, 100 ms for the list at 100,000, 100 KB a
page beside the fonts. Measuring begins when what follows the load has come to
rest. ``first`` is the first request of a page after the start, with nothing at hand. Ends with 1 when a bar
is missed.
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import json
import re
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Callable, Mapping
from urllib.parse import quote, urlencode

import page_templates

HERE = Path(__file__).resolve().parent
GENERATOR = HERE.parent.parent / "shared" / "peers" / "gen_catalog.py"
CALLBOARD = HERE.parent / ".venv" / "bin" / "callboard"
PASSWORD = "a sheet of paper and a pin"
PAGE_BYTES = 100_000
API = "backstage.io/v1alpha1"

SETTINGS = """
auth: {{session: {{secret: measured-pages}}}}
catalog:
  rules: [{{allow: [Component, API, Resource, System, Domain, Group, User, Template, Location]}}]
  locations:
    - {{type: file, target: {catalog}/all.yaml}}
    - {{type: file, target: {extremes}/extremes.yaml}}
    - {{type: file, target: {extremes}/templates/templates.yaml}}
"""


def entity(kind: str, name: str, spec: dict[str, Any], **metadata: Any) -> str:
    return json.dumps({"apiVersion": API, "kind": kind, "metadata": {"name": name, **metadata}, "spec": spec})


def extremes() -> str:
    """Documents at the edge of what pages must bear, one JSON a document (which is YAML)."""
    crowd = [
        entity("User", f"crowd-{i:03}", {"memberOf": ["crowd"], "profile": {"displayName": f"Person {i}"}})
        for i in range(500)
    ]
    needed = [entity("Resource", f"needed-{i:03}", {"type": "cache", "owner": "crowd"}) for i in range(300)]
    paths = {
        f"/things/{i}": {"get": {"summary": "One of many " * 8, "responses": {"200": {"description": "ok"}}}}
        for i in range(3_500)
    }
    definition = json.dumps({"openapi": "3.1.0", "info": {"title": "Big", "version": "1"}, "paths": paths}, indent=1)
    hub = {
        "type": "service",
        "lifecycle": "production",
        "owner": "crowd",
        "dependsOn": [f"resource:needed-{i:03}" for i in range(300)],
    }
    wrong = [entity("Component", f"wrong-{i:03}", {"lifecycle": "production", "owner": "crowd"}) for i in range(200)]
    lost = entity("Location", "lost", {"targets": [f"./lost-{i:02}.yaml" for i in range(40)]})
    return "\n---\n".join(
        [
            entity("Group", "crowd", {"type": "department", "children": []}, title="The crowd"),
            *crowd,
            *needed,
            *[
                entity(
                    "Component",
                    f"relying-{i:03}",
                    {
                        "type": "service",
                        "lifecycle": "production",
                        "owner": f"group-{i % 40:06d}",
                        "dependsOn": ["resource:needed-by-many"],
                    },
                )
                for i in range(300)
            ],
            entity("Resource", "needed-by-many", {"type": "database", "owner": "crowd"}),
            entity("Component", "hub", hub, tags=[f"tag-{i}" for i in range(40)], description="W" * 280),
            entity(
                "API", "big", {"type": "openapi", "lifecycle": "production", "owner": "crowd", "definition": definition}
            ),
            *wrong,
            lost,
            entity(
                "Component",
                "handbook",
                {"type": "documentation", "lifecycle": "production", "owner": "crowd"},
                annotations={"backstage.io/techdocs-ref": "dir:./handbook"},
            ),
        ]
    )


def write_handbook(folder: Path, pages: int = 231) -> None:
    """A site as large as GOV.UK's: sections of twenty pages, each with headings, a table, code and links to its neighbours."""
    (folder / "mkdocs.yml").parent.mkdir(parents=True, exist_ok=True)
    (folder / "mkdocs.yml").write_text("site_name: Handbook\nplugins: [techdocs-core]\n")
    for i in range(pages):
        at = folder / "docs" / f"section-{i // 20:02}" / f"page-{i:03}.md"
        at.parent.mkdir(parents=True, exist_ok=True)
        text = [f"# How to do thing {i}\n"]
        for j in range(8):
            text.append(f"## Step {j}\n\n" + "Words about it, with `code` and *stress*. " * 12)
            text.append(f"See [the next](../section-{(i + 1) % pages // 20:02}/page-{(i + 1) % pages:03}.md).")
            text.append(
                "```python\nprint('hello', 42)\n```\n\n| name | meaning |\n|---|---|\n| a | b |\n\n!!! note\n    Mind it.\n"
            )
        at.write_text("\n\n".join(text))
    (folder / "docs" / "index.md").write_text("# Handbook\n\nAll of it.\n")


@dataclass(slots=True)
class Figure:
    """What one page takes: milliseconds of CPU (``first`` when nothing is at hand), bytes of the document and of all."""

    page: str
    cpu_ms: float
    first_ms: float
    html_bytes: int
    all_bytes: int
    bar_ms: float | None

    @property
    def is_met(self) -> bool:
        return (self.bar_ms is None or self.cpu_ms <= self.bar_ms) and self.all_bytes <= PAGE_BYTES


def cpu_ns(pid: int) -> int:
    """Time on a CPU of all threads of the process, in nanoseconds."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((task / "schedstat").read_text().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total


class Browser:
    """One connection with cookies: just enough of a browser to sign in and ask for pages."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._cookies: dict[str, str] = {}

    def reconnect(self) -> None:
        """The next request opens a connection."""
        self._connection.close()

    def ask(
        self, path: str, form: dict[str, str] | None = None, body: bytes | None = None, **more: str
    ) -> tuple[int, bytes, http.client.HTTPMessage]:
        """(status, body as sent, headers). ``form`` or ``body`` are posted, the latter with the headers ``more``."""
        headers = {"accept-encoding": "gzip", "cookie": "; ".join(f"{k}={v}" for k, v in self._cookies.items())}
        headers |= more
        if form is not None:
            headers |= {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
            body = urlencode(form)
        self._connection.request("GET" if body is None else "POST", path, body, headers)
        answer = self._connection.getresponse()
        data = answer.read()
        for cookie in answer.headers.get_all("set-cookie") or ():
            name, _, value = cookie.partition(";")[0].partition("=")
            self._cookies[name] = value
        return answer.status, data, answer.headers

    def page(self, path: str) -> bytes:
        """The HTML of a page. Raises ``RuntimeError`` for another answer than it should give."""
        status, data, headers = self.ask(path)
        if status != (404 if path.endswith("-absent") else 200):
            raise RuntimeError(f"{path} answered {status}")
        return gzip.decompress(data) if headers.get("content-encoding") == "gzip" else data

    def send(self, path: str, body: Mapping[str, Any]) -> Any:
        """What the wire answers to JSON. Raises ``RuntimeError`` where it refuses."""
        more = {
            "content-type": "application/json",
            "sec-fetch-site": "same-origin",
            "x-csrf-token": self._token("/create"),
        }
        status, data, headers = self.ask(path, body=json.dumps(body).encode(), **more)
        data = gzip.decompress(data) if headers.get("content-encoding") == "gzip" else data
        if status >= 300:
            raise RuntimeError(f"{path} answered {status}: {data[:500]!r}")
        return json.loads(data)

    def _token(self, path: str) -> str:
        found = re.search(rb'name="csrf_token" value="([^"]+)"', self.page(path))
        assert found is not None
        return found[1].decode()

    def sign_in(self, user: str) -> None:
        form = {"user": user, "password": PASSWORD, "csrf_token": self._token("/sign-in"), "next": "/"}
        status, _, _ = self.ask("/sign-in", form)
        if status != 303:
            raise RuntimeError(f"signing in answered {status}")


def pages(n: int, made: page_templates.Made) -> dict[str, Callable[[int], str]]:
    """Each page's address for request number i."""
    words = ("order", "pay", "log", "cache", "stream", "fraud", "score", "video", "invoice", "ledger")

    def component(i: int, tab: str = "") -> str:
        return f"/catalog/default/component/component-{(i * 37) % max(1, n * 2 // 5):06d}{tab}"

    def hub(kind: str, name: str, tab: str = "") -> Callable[[int], str]:
        return lambda i: f"/catalog/default/{kind}/{name}{tab}"

    return {
        "home": lambda i: "/",
        "list": lambda i: f"/catalog?size=25&namespace=default&n={i}",
        "list of a kind": lambda i: (
            f"/catalog?kind={('component', 'api', 'resource', 'user')[i % 4]}&sort={('', '-')[i % 2]}name"
        ),
        "list, next pages": lambda i: "",
        "list, text": lambda i: f"/catalog?q={words[i % 10]}+{chr(97 + i % 26)}",
        "list, three filters": lambda i: (
            f"/catalog?kind=component&lifecycle=production&type=service&owner=group:default/group-{i % 20:06d}"
        ),
        "list by owner, 100 rows": lambda i: f"/catalog?sort=owner&size=100&kind={('component', 'api')[i % 2]}",
        "list, newest changes": lambda i: f"/catalog?sort=-changed&kind={('component', 'api')[i % 2]}",
        "list, 8 columns, 50 rows": lambda i: (
            f"/catalog?kind=component&size=50&sort={('', '-')[i % 2]}spec.type&columns=name,owner,system,spec.type,"
            "relations.dependsOn,relations.providesApi,metadata.annotations.backstage.io/source-location,changed"
        ),
        "home, being arranged": lambda i: "/?arrange=1",
        "columns of a list": lambda i: f"/catalog/columns?kind={('component', 'api')[i % 2]}",
        "entity": lambda i: component(i),
        "entity, history": lambda i: component(i, "/history"),
        "entity, yaml": lambda i: component(i, "/yaml"),
        "entity that is not there": lambda i: component(i) + "-absent",
        "group of 500": hub("group", "crowd"),
        "group of 500, relations": hub("group", "crowd", "/relations"),
        "300 relations": hub("component", "hub"),
        "300 relations, yaml": hub("component", "hub", "/yaml"),
        "definition of 700 KB": hub("api", "big", "/definition"),
        "definition, other pages": lambda i: f"/catalog/default/api/big/definition?page={1 + i % 20}",
        "group": lambda i: f"/catalog/default/group/group-{i * 7 % max(1, n * 3 // 100):06d}",
        "group, members": hub("group", "crowd", "/members"),
        "user": lambda i: f"/catalog/default/user/user-{i * 11 % max(1, n // 5):06d}",
        "system": lambda i: f"/catalog/default/system/system-{i * 13 % max(1, n // 25):06d}",
        "domain": lambda i: f"/catalog/default/domain/domain-{i % max(1, n // 200):06d}",
        "groups": lambda i: "/groups",
        "groups, text": lambda i: f"/groups?q={words[i % 10]}",
        "resource": lambda i: f"/catalog/default/resource/resource-{i * 17 % max(1, n // 10):06d}",
        "resource that 1 relies on": hub("resource", "needed-001"),
        "resource that 300 rely on": hub("resource", "needed-by-many"),
        "API": lambda i: f"/catalog/default/api/api-{i * 19 % max(1, n // 10):06d}",
        "API of 700 KB": hub("api", "big"),
        "systems": lambda i: f"/systems?start={100 * (i % 4)}",
        "systems, map": lambda i: "/systems?view=map",
        "APIs": lambda i: f"/api-docs?start={50 * (i % 30)}",
        "APIs, operations": lambda i: f"/api-docs?q={words[i % 10]}",
        "graph, 500 entities": lambda i: f"/catalog-graph?root=group:default/crowd&n={i}",
        "graph, folded, depth 4": lambda i: (
            f"{component(i).replace('/catalog/default/component/', '/catalog-graph?collapse=system&depth=4&root=component:default/')}"
        ),
        "location with lost files": hub("location", "lost"),
        "problems": lambda i: f"/catalog/problems?page={1 + i % 2}",
        "what happened, file": lambda i: "/catalog/why?asked=" + quote("EXTREMES"),
        "what happened, ref": lambda i: f"/catalog/why?asked=component:default/wrong-{i % 200:03}",
        "palette": lambda i: "/api/search/v1/find?q=" + (f"component-00{i}" if i % 2 else words[i % 10]),
        "palette, misspelt": lambda i: (
            "/api/search/v1/find?q=" + ("compnoent-00", "invocie", "ledgre", "straem")[i % 4]
        ),
        "palette, begun": lambda i: "/api/search/v1/find?q=" + words[i % 10][:3],
        "field of an entity": lambda i: "/api/catalog/v1/find?q=" + (f"component-00{i}" if i % 2 else words[i % 10]),
        "search, before typing": lambda i: "/search",
        "search": lambda i: f"/search?q={words[i % 10]}+{words[(i + 3) % 10]}",
        "search, as one types": lambda i: f"/search/found?q={words[i % 10][: 2 + i % 4]}",
        "search, misspelt": lambda i: "/search?q=" + ("compnoent-00", "invocie", "ledgre", "straem")[i % 4],
        "search, three filters": lambda i: (
            f"/search?q={words[i % 10]}&type=software-catalog&kind=Component&lifecycle=production"
        ),
        "search, next pages": lambda i: f"/search?q={words[i % 10]}&start={20 * (i % 5)}",
        "search, nothing": lambda i: f"/search?q=zzqq{i}+xxww{i}",
        "searches without result": lambda i: "/search/unanswered",
        "synonyms": lambda i: "/search/synonyms",
        "palette, before typing": lambda i: "/api/catalog/v1/palette",
        "tokens": lambda i: "/settings/tokens",
        "kinds": lambda i: "/catalog/kinds",
        "a kind": lambda i: "/catalog/kinds/component",
        "locations": lambda i: "/catalog/locations",
        "bulk change, choosing": lambda i: f"/change?kind=component&lifecycle=production&n={i}",
        "new entity, yaml": lambda i: "/create-entity?kind=component&as=yaml",
        "ownership": lambda i: f"/ownership?who=all&page={1 + i % 20}",
        "ownership, gone": lambda i: "/ownership/gone",
        "ownership, re-organise": lambda i: "/ownership/reorganise",
        "ownership, names": lambda i: "/ownership/names",
        "notifications": lambda i: "/notifications",
        "announcements": lambda i: "/announcements",
        "settings": lambda i: "/settings",
        "preferences": lambda i: "/settings/preferences",
        "import": lambda i: "/import",
        "proposals": lambda i: "/proposals",
        **page_templates.pages(made),
        "docs": lambda i: f"/docs?order={('title', 'changed', 'problems')[i % 3]}",
        "docs, first page": lambda i: "/docs/default/component/handbook",
        "docs, a page of 231": lambda i: (
            f"/docs/default/component/handbook/section-{i * 7 % 220 // 20:02}/page-{i * 7 % 220:03}/"
        ),
        "docs, tab of the entity": lambda i: "/catalog/default/component/handbook/docs",
        "docs, search in a site": lambda i: f"/docs/default/component/handbook?q=thing+{i * 3 % 220}",
        "docs, problems": lambda i: "/docs/problems?who=all",
        "docs, feedback": lambda i: "/docs/feedback",
    }


def asset_bytes(browser: Browser, html: bytes, known: dict[str, int]) -> int:
    """What the page loads besides itself and the fonts, as sent."""
    names = set(re.findall(rb'(?:href|src)="(/static/[^"#]+)', html))
    for name in names:
        path = name.decode()
        if path not in known:
            known[path] = 0 if ".woff2" in path else len(browser.ask(path)[1])
    return sum(known[name.decode()] for name in names)


def measure(browser: Browser, pid: int, n: int, requests: int, extremes_path: Path, only: str) -> list[Figure]:
    figures, assets = [], {}
    made = page_templates.run_all(browser)
    for name, address in pages(n, made).items():
        if not re.search(only, name):
            continue
        first, addresses = None, []
        follow = "/catalog?size=50"
        for i in range(requests):
            path = address(i).replace("EXTREMES", quote(str(extremes_path)))
            if name == "list, next pages":
                path = follow
            addresses.append(path)
            before = cpu_ns(pid)
            html = browser.page(path)
            if first is None:
                first = (cpu_ns(pid) - before) / 1e6
            if name == "list, next pages":
                found = re.search(rb'href="(/catalog\?[^"]*after=[^"]*)"[^>]*rel="next"', html)
                follow = found[1].decode().replace("&amp;", "&") if found else "/catalog?size=50"
        browser.page(addresses[0])
        before = cpu_ns(pid)
        sizes = [len(browser.ask(path)[1]) for path in addresses]
        spent = (cpu_ns(pid) - before) / 1e6 / requests
        html = browser.page(addresses[0])
        largest = max(sizes)
        bar = 50.0 if n <= 10_000 else 100.0 if name.startswith("list") else None
        figures.append(
            Figure(
                name, round(spent, 2), round(first or 0, 1), largest, largest + asset_bytes(browser, html, assets), bar
            )
        )
        print(f"  {name:<28} {figures[-1].cpu_ms:8.2f} ms {figures[-1].first_ms:9.1f} ms {largest / 1000:9.1f} KB {figures[-1].all_bytes / 1000:9.1f} KB"
              f"{'' if figures[-1].is_met else '   MISSED'}", flush=True)  # fmt: skip
    return figures


def wait_until_loaded(browser: Browser, server: subprocess.Popen[bytes], log: Path, patience_s: float) -> int:
    """How many entities there are once their number stands still."""
    before, until = -1, time.monotonic() + patience_s
    while time.monotonic() < until:
        if server.poll() is not None:
            raise RuntimeError(f"the server ended:\n{log.read_text()[-2000:]}")
        found = re.search(rb'id="list-count">([\d,]+)<', browser.page("/catalog?size=25"))
        count = int(found[1].replace(b",", b"")) if found else 0
        if count > 1_000 and count == before:
            return count
        before = count
        time.sleep(3 if count > 20_000 else 1.5)
    raise RuntimeError(
        f"the catalog did not load within {patience_s:.0f} s ({before} entities):\n{log.read_text()[-2000:]}"
    )


def main() -> int:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--n", type=int, default=10_000)
    ap.add_argument("--requests", type=int, default=40)
    ap.add_argument("--catalog", type=Path, help="a folder with all.yaml instead of a generated one")
    ap.add_argument("--only", default="", help="a regular expression that names of pages hold")
    ap.add_argument("--json", type=Path, help="write the figures there")
    args = ap.parse_args()
    with tempfile.TemporaryDirectory(prefix="callboard-pages-") as scratch:
        folder = Path(scratch)
        catalog = args.catalog.resolve() if args.catalog else folder / "catalog"
        if not args.catalog:
            if not GENERATOR.is_file():
                print(
                    "bench/pages.py needs ../shared/peers beside the project, or --catalog; skipped.", file=sys.stderr
                )
                return 0
            subprocess.run(
                [sys.executable, GENERATOR, "--n", str(args.n), "--out", catalog], check=True, stdout=subprocess.DEVNULL
            )
        n = json.loads((catalog / "facts.json").read_text())["n"] if (catalog / "facts.json").is_file() else args.n
        (folder / "extremes.yaml").write_text(extremes())
        templates = folder / "templates" / "templates.yaml"
        templates.parent.mkdir()  # with nothing beside it: the editor reads the folder
        templates.write_text("\n---\n".join(page_templates.documents()))
        write_handbook(folder / "handbook")
        settings, log = folder / "app-config.yaml", folder / "log.txt"
        settings.write_text(SETTINGS.format(catalog=catalog, extremes=folder))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        common = ["--data", str(folder / "data"), "--config", str(settings)]
        subprocess.run(
            [CALLBOARD, "user", "add", "someone", "--ref", "user:default/user-000000", "--role", "admin", "--password-stdin", *common],
            input=PASSWORD.encode(), check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        with log.open("wb") as out:
            server = subprocess.Popen([CALLBOARD, "serve", "--port", str(port), *common], stdout=out, stderr=out)
        try:
            wait_for_port(port, server, log)
            browser = Browser(port)
            browser.sign_in("someone")
            count = wait_until_loaded(browser, server, log, 20 + n / 1000)
            wait_until_settled(server.pid, 60 + n / 100)
            browser.reconnect()  # the server has let go of a connection that said nothing for so long
            print(f"{count:,} entities, {args.requests} requests a page, signed in, one connection")
            print(f"  {'page':<28} {'CPU':>11} {'first':>12} {'HTML':>12} {'in all':>12}")
            figures = measure(browser, server.pid, n, args.requests, folder / "extremes.yaml", args.only)
        finally:
            server.terminate()
            server.wait(timeout=30)
    missed = [f.page for f in figures if not f.is_met]
    print("every page meets its bar" if not missed else f"missed: {', '.join(missed)}")
    if args.json:
        args.json.write_text(json.dumps({"entities": count, "pages": [asdict(f) for f in figures]}, indent=1) + "\n")
    return 1 if missed else 0


def wait_until_settled(pid: int, patience_s: float) -> None:
    """Until what follows a load has come to rest: documentation read ahead, the index of search. Its cost is no page's."""
    end, quiet = time.monotonic() + patience_s, 0
    while quiet < 8 and time.monotonic() < end:
        before = cpu_ns(pid)
        time.sleep(1)
        quiet = quiet + 1 if cpu_ns(pid) - before < 50_000_000 else 0


def wait_for_port(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        if server.poll() is not None:
            raise RuntimeError(f"the server ended:\n{log.read_text()[-2000:]}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError("the server does not listen")


if __name__ == "__main__":
    sys.exit(main())
