"""Descriptor files that are meant to do harm: each is refused with a clear error or is harmless, and the portal stays well."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any, Iterator

import orjson
import pytest

from tests.faults.serving import Server
from tests.hostile.raw import build, exchange

pytestmark = pytest.mark.slow
MEMORY_MB = 600
"""More than any of these files may make the process take, at the worst of them."""


def component(name: str, more: str = "", spec: str = "type: service, lifecycle: x, owner: team") -> str:
    return f"apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: {name}\n{more}spec: {{{spec}}}\n"


def many(template: str, count: int) -> str:
    return "".join(template.format(n=n, before=n - 1) for n in range(1, count))


LAUGHS = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)
REFUSED: dict[str, tuple[str | bytes, str]] = {
    "a billion laughs": (component("x") + LAUGHS, "more than 500,000 values"),
    "laughing maps": (component("x") + "b0: &b0 {a: 1}\n" + many("b{n}: &b{n} {{x: *b{before}, y: *b{before}, z: *b{before}}}\n", 30), "more than 500,000 values"),
    "copies of one long text": (component("x") + "big: &b " + "x" * 200_000 + "\nall: [" + ",".join(["*b"] * 20_000) + "]\n", "long texts count for several"),
    "merge keys": (component("x") + "m0: &m0 {a: 1}\n" + many("m{n}: &m{n}\n  <<: [*m{before}, *m{before}]\n", 25), "more than 500,000 values"),
    "a list in itself": (component("x") + "a: &a [*a]\n", "alias may not stand inside"),
    "a map in itself": (component("x") + "a: &a {b: *a}\n", "alias may not stand inside"),
    "lists in lists": (component("x") + "d: " + "[" * 100_000 + "]" * 100_000, "nested deeper than 100"),
    "lists that never end": ("[" * 1_000_000, "nested deeper than 100"),
    "maps in maps": ("{a: " * 200_000, "nested deeper than 100"),
    "blocks in blocks": (component("x") + "d:\n" + "".join(" " * n + "a:\n" for n in range(1, 3_000)), "nested deeper than 100"),
    "dashes in dashes": (component("x") + "d:\n  " + "- " * 100_000 + "x\n", "nested deeper than 100"),
    "keys of keys": ("? " * 100_000 + "x\n", "nested deeper than 100"),
    "fifty megabytes of comment": (b"#" * 50_000_000, "larger than 10485760 bytes"),
    "fifty megabytes of text": (component("x").encode() + b"d: " + b"x" * 50_000_000, "larger than 10485760 bytes"),
    "ten megabytes and a byte": (b"a: " + b"x" * (10 * 1024 * 1024 - 2), "larger than 10485760 bytes"),
    "millions of items": (component("x") + "l: [" + "1," * 4_000_000 + "]\n", "more than 500,000 values"),
    "hundreds of thousands of keys": (component("x") + many("k{n}: 1\n", 600_000), "more than 500,000 values"),
    "one key of a megabyte": (component("x") + "k" * 1_000_000 + ": 1\n", "."),
    "a key a hundred thousand times": (component("x") + "a: 1\n" * 100_000, "unique"),
    "hundreds of thousands of documents": ("--- {a: 1}\n" * 300_000, "documents, more than"),
    "an object of Python": (component("x") + "p: !!python/object/apply:os.system ['touch /tmp/pwned']\n", "additional properties"),
    "a NUL": (component("x").replace("service", "ser\0vice"), "NUL character"),
    "a control character": (component("x").replace("service", "ser\x07vice"), "Control character 0x07"),
    "bytes that are no text": (component("x").encode() + b"\xff\xfe\n", "not valid UTF-8"),
    "UTF-16": (component("x").encode("utf-16"), "not valid UTF-8"),
    "a lone surrogate as bytes": (component("x").encode() + b"a: \xed\xa0\x80\n", "not valid UTF-8"),
    "a lone surrogate as an escape": (component("x") + 'a: "\\ud800"\n', "escape"),
    "a character beyond all": (component("x") + 'a: "\\U00110000"\n', "escape"),
    "a NUL in a value": (component("x", '  description: "a\\0b"\n'), "NUL character"),
    "a NUL in a key": (component("x", spec='"a\\x00b": 1, type: service, lifecycle: x, owner: team'), "NUL character"),
    "a NUL in the name": (component('"x\\u0000y"'), "NUL character"),
    "a NUL in the kind": (component("x").replace("Component", '"Comp\\0onent"'), "NUL character"),
    "a NUL in a ref": (component("x", spec='type: service, lifecycle: x, owner: team, dependsOn: ["component:a\\U00000000"]'), "NUL character"),
    "a hundred thousand relations": (component("x", spec="type: service, lifecycle: x, owner: team, dependsOn: [" + ",".join(f"component:r{n}" for n in range(100_000)) + "]"), "at most 50,000"),
    "a name of lines": (component('"a\\nb"'), "metadata.name"),
    "a name with a tag": (component("'<script>alert(1)</script>'"), "metadata.name"),
    "a name with a path": (component("'../../etc/passwd'"), "metadata.name"),
    "a name without end": (component("a" * 100_000), "metadata.name"),
    "a name for the regular expression": (component("a-" * 50_000 + "!"), "metadata.name"),
    "a ref of colons": (component("x", spec='type: service, lifecycle: x, owner: "' + ":/" * 10_000 + '"'), "owner|reference"),
    "a kind that is a list": (component("x").replace("Component", "[a]"), "kind must be string"),
    "metadata that is a list": ("apiVersion: a/b\nkind: Component\nmetadata: []\nspec: {}\n", "metadata must be object"),
    "keys of JavaScript": (component("x") + "__proto__: {a: 1}\nconstructor: 1\n", "additional properties"),
    "a page": ("<html>\n<body>Please sign in</body>\n</html>\n", "Expected object"),
    "thousands of includes that are not there": (component("x", spec="type: service, lifecycle: x, owner: team, a: [" + ",".join(f"{{$text: ./no{n}.txt}}" for n in range(500)) + "]"), "could not"),
    "numbers without end": (component("x") + "n: [" + "1" * 100_000 + ", 0x" + "f" * 100_000 + ", 1e999999999]\n", "additional properties"),
}  # fmt: skip
ACCEPTED: dict[str, str] = {
    "ten thousand relations": component("big", spec="type: service, lifecycle: x, owner: team, dependsOn: [" + ",".join(f"component:r{n}" for n in range(10_000)) + "]"),
    "ten thousand annotations": component("big", "  annotations:\n" + many("    a.b/k{n}: v\n", 10_000)),
    "ten thousand tags": component("big", "  tags:\n" + many("    - t{n}\n", 10_000)),
    "ten thousand links": component("big", "  links:\n" + many("    - url: https://x.example.com/{n}\n", 10_000)),
    "nine megabytes of description": component("big", "  description: " + "y" * 9_000_000 + "\n"),
    "thousands of anchors": component("big", spec="type: service, lifecycle: x, owner: team, l: [" + ",".join(f"&a{n} x" for n in range(20_000)) + "]"),
    "a hundred levels but few": component("big", spec="type: service, lifecycle: x, owner: team, l: " + "[" * 95 + "]" * 95),
    "odd numbers": component("big", spec="type: service, lifecycle: x, owner: team, n: [.inf, -.inf, .nan, 1e400, 0x" + "f" * 500 + "]"),
    "a directive of another time": "%YAML 9.9\n---\n" + component("big"),
}  # fmt: skip


@pytest.fixture
def case(server: Server) -> Iterator[Path]:
    """A file that the Location ``hostile`` names; gone again afterwards."""
    file = server.log.parent / "cases" / f"case-{time.monotonic_ns()}.yaml"
    yield file
    file.unlink(missing_ok=True)
    read_again(server)
    wait_for(lambda: not findings_of(server, file), "its problems stay though the file is gone")


def read_again(server: Server, ref: str = "location:default/hostile") -> None:
    answer = exchange(server.url, build("POST", "/api/catalog/refresh", orjson.dumps({"entityRef": ref})))
    assert answer.status == 200, answer.body


def findings_of(server: Server, file: Path) -> list[Any]:
    found = server.get("/api/catalog/v1/findings?limit=500")["items"]
    return [finding for finding in found if file.name in (finding["file"] or "")]


def wait_for(look: Any, message: str, *, seconds: float = 15) -> Any:
    """What ``look`` gives, once it is something. Asked less and less often: the server that has to answer has other work."""
    ends, pause = time.monotonic() + seconds, 0.02
    while not (found := look()):
        assert time.monotonic() < ends, message
        time.sleep(pause)
        pause = min(pause * 1.5, 0.5)
    return found


def memory_mb(server: Server) -> float:
    pages = int(Path(f"/proc/{server.pid}/statm").read_text().split()[1])
    return pages * 4096 / 2**20


@pytest.mark.parametrize("name", REFUSED)
def test_a_hostile_document_is_refused_with_its_reason(server: Server, case: Path, name: str) -> None:
    """An error that names the file and says what is wrong, within seconds and without much memory; no entity comes of it."""
    content, message = REFUSED[name]
    put(case, content if isinstance(content, bytes) else content.encode())
    read_again(server)
    found = wait_for(lambda: findings_of(server, case), "no problem is told")
    assert any(re.search(message, f"{finding['message']} {finding['field']}") for finding in found), found[:2]
    assert all(len(finding["message"]) <= 2_000 and "\0" not in finding["message"] for finding in found)
    assert len(found) <= 201
    assert any(finding["line"] for finding in found) or "larger than" in message
    assert entities_of(server, case) == []
    assert memory_mb(server) < MEMORY_MB
    assert not Path("/tmp/pwned").exists()
    for path in ("/catalog/problems", f"/catalog/why?asked={case}", "/catalog/default/location/hostile"):
        answer = exchange(server.url, build("GET", path))
        assert answer.status == 200
        assert len(answer.body) < 1_000_000
        assert answer.seconds < 3


def put(file: Path, content: bytes) -> None:
    """All at once: the watch must not see half of it."""
    half = file.with_suffix(".part")
    half.write_bytes(content)
    half.replace(file)


def entities_of(server: Server, file: Path) -> list[Any]:
    return server.get(
        f"/api/catalog/entities?filter=kind=component,metadata.annotations.backstage.io/managed-by-location=file:{file}"
    )


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_large_but_honest_document_is_served(server: Server, case: Path, name: str) -> None:
    """It comes in, every page and list of it answers soon, and it goes again."""
    put(case, ACCEPTED[name].encode())
    read_again(server)
    wait_for(lambda: entities_of(server, case), f"it never came: {findings_of(server, case)[:1]}")
    base = "/catalog/default/component/big"
    for path in (
        "/catalog",
        base,
        f"{base}/relations",
        f"{base}/yaml",
        f"{base}/history",
        "/catalog?q=big",
        "/catalog?tag=t5",
    ):
        answer = exchange(server.url, build("GET", path))
        assert answer.status == 200, (path, answer.status)
        assert answer.seconds < 3, (path, answer.seconds)
        assert len(answer.body) < 2_000_000, (path, len(answer.body))
    answer = exchange(server.url, build("GET", "/api/catalog/entities/by-name/component/default/big"))
    assert answer.status == 200
    assert memory_mb(server) < MEMORY_MB


# ---- Locations --------------------------------------------------------------------------------------------------------


def location(name: str, *targets: str) -> str:
    return f"apiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata: {{name: {name}}}\nspec: {{targets: [{', '.join(targets)}]}}\n"


def names_of(server: Server, prefix: str) -> set[str]:
    found = server.get("/api/catalog/entities?filter=kind=location&fields=metadata.name")
    return {e["metadata"]["name"] for e in found if e["metadata"]["name"].startswith(prefix)}


def test_locations_that_lead_to_each_other_come_to_an_end(server: Server, case: Path) -> None:
    """One that names itself, two that name each other, a hundred that name each other all, a chain of three hundred."""
    folder = case.parent / case.stem
    folder.mkdir()
    try:
        (folder / "self.yaml").write_text(location("c-self", "./self.yaml"))
        (folder / "a.yaml").write_text(location("c-a", "./b.yaml"))
        (folder / "b.yaml").write_text(location("c-b", "./a.yaml"))
        for n in range(40):
            (folder / f"all-{n}.yaml").write_text(location(f"c-all-{n}", *(f"./all-{m}.yaml" for m in range(40))))
        for n in range(300):
            (folder / f"chain-{n}.yaml").write_text(location(f"c-chain-{n}", f"./chain-{n + 1}.yaml"))
        (folder / "chain-300.yaml").write_text(component("c-end"))
        case.write_text(
            location("c-start", *(f"./{folder.name}/{name}.yaml" for name in ("self", "a", "all-0", "chain-0")))
        )
        read_again(server)
        wanted = {
            "c-start",
            "c-self",
            "c-a",
            "c-b",
            *(f"c-all-{n}" for n in range(40)),
            *(f"c-chain-{n}" for n in range(300)),
        }
        wait_for(lambda: names_of(server, "c-") == wanted, "they did not all come", seconds=60)
        wait_for(
            lambda: server.get("/api/catalog/entities?filter=metadata.name=c-end"),
            "the end of the chain never came",
            seconds=60,
        )
        graph = server.get("/api/catalog/entities/by-name/component/default/c-end/ancestry")
        assert len(graph["items"]) > 300
        case.unlink()
        read_again(server)
        wait_for(lambda: not names_of(server, "c-"), "they hold each other up though nobody names them", seconds=60)
    finally:
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()


def test_a_location_of_ten_thousand_targets_is_read(server: Server, case: Path) -> None:
    """The same file ten thousand times, and files that are not there: told, within reason."""
    case.write_text(location("d-same", *["./shop.yaml"] * 10_000))
    read_again(server)
    wait_for(lambda: names_of(server, "d-"), "it did not come")
    case.write_text(location("d-none", *(f"./none-{n}.yaml" for n in range(10_000))))
    read_again(server)
    wait_for(lambda: names_of(server, "d-") == {"d-none"}, "it did not come", seconds=30)
    wait_for(
        lambda: server.get("/api/catalog/v1/findings?ref=location:default/d-none")["items"],
        "nothing is told",
        seconds=30,
    )
    assert server.get("/api/catalog/v1/findings?ref=location:default/d-none")["totalItems"] <= 201
    answer = exchange(server.url, build("GET", "/catalog/default/location/d-none/problems"))
    assert answer.status == 200
    assert len(answer.body) < 1_000_000


@pytest.mark.parametrize(
    "pattern",
    ["./" + "**/" * 30 + "x.yaml", "./" + "*" * 5_000 + "x", "./" + "*a" * 200 + "*.yaml", "./{a,b}" * 12 + ".yaml", "./" + "[!a-z]*" * 200 + ".yaml", "./" + "*" * 3_000 + ".none",
     "./[z-a]*.yaml", "./**/**/**/../../none/**/*.yaml", "./" + "{" * 2_000 + "*", "./" + "?" * 5_000 + "*"],
    ids=lambda pattern: pattern[:16],
)  # fmt: skip
def test_a_pattern_that_costs_too_much_is_refused_or_soon_done(server: Server, case: Path, pattern: str) -> None:
    """Doubled stars, stars and letters in turn, braces, sets: within seconds, and told when it names nothing."""
    started = time.monotonic()
    case.write_text(f"{location('e-glob')[:-3]}{orjson.dumps(pattern).decode()}]}}\n")
    read_again(server)
    wait_for(lambda: names_of(server, "e-"), f"it did not come: {findings_of(server, case)[:1]}")
    wait_for(lambda: server.get("/api/catalog/v1/findings?ref=location:default/e-glob")["items"], "nothing is told")
    assert time.monotonic() - started < 10
