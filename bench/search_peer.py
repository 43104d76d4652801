#!/usr/bin/env python3
"""Search beside a real Backstage's, in one run: the same catalog in both, the same questions over the same REST, each asked once.

    bench/search_peer.py [--n 10000] [--known 300] [--ours-only] [--out FILE.json]

The catalog is the peers' (``gen_catalog.py``) and ``--known`` services with names of their own, as people give them, since all titles of the made-up
ones begin alike. Asked for are as many of the made-up entities by title and by name, and both sorts by a title with one error and by two
words of the title swapped, the named ones by five letters; beside them single words that stand in thousands of entities, and words that nothing has.
No question is asked twice, so no answer is one that was kept.

Printed are CPU of the server process and its children for each question, in ms, and the share of questions whose entity is the first result, of the first
three and of the first ten. Ends with 1 when a bar is missed: a twentieth of the peer's CPU, and more found among ten. ``--n 1000`` to try.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Iterator
from urllib.parse import quote

from compare import PEERS, environment_of, server_command
from search_corpus import spoilt

from callboard.features.search.text.tokens import name_key

BAR = 20
PAGE = 25
SYLLABLES = re.findall(
    r"\w+", "bar bel cor dan del fen gar hal jun kes lom mar nev orb pel quin rav sol tam ulm ver wex yar zin"
)
ENDINGS = re.findall(r"\w+", "dale ford gate holm mere more nock ridge stow tide wick worth")
KINDS = ("payments", "ledger", "invoices", "tokens", "uploads", "routing", "pricing", "reports", "alerts", "media")


@dataclass
class Asked:
    """Questions of one kind, each with the addresses of what is meant (none: nothing is), and what came of them."""

    kind: str
    questions: list[tuple[str, set[str]]]
    cpu_s: float = 0.0
    ranks: list[int] = field(default_factory=list)

    def row(self) -> dict[str, Any]:
        share = lambda most: sum(0 < rank <= most for rank in self.ranks) / len(self.ranks)  # noqa: E731
        is_known = bool(self.questions[0][1])
        found = {f"first {most}": share(most) if is_known else None for most in (1, 3, 10)}
        return {"questions": len(self.questions), "cpu_ms": self.cpu_s * 1000 / len(self.questions), **found}


# ---- the catalog -----------------------------------------------------------------------------------------------------


def named_services(count: int) -> Iterator[tuple[str, str]]:
    """(name, title) of services with names of their own; the first word is nobody else's."""
    chance = random.Random(11)
    taken: set[str] = set()
    while len(taken) < count:
        word = chance.choice(SYLLABLES) + chance.choice(SYLLABLES) + chance.choice(ENDINGS)
        if word[:5] in taken:
            continue
        taken.add(word[:5])
        kind = chance.choice(KINDS)
        yield f"{word}-{kind}", f"{word.capitalize()} {kind}"


def make_catalog(n: int, known: int, folder: Path) -> dict[str, Any]:
    """The peers' catalog with the named services as one more file; its facts."""
    subprocess.run([sys.executable, PEERS / "gen_catalog.py", "--n", str(n), "--out", folder], check=True)
    chance = random.Random(12)
    described = [
        line for line in (folder / "entities-0000.yaml").read_text().splitlines() if line.startswith("  description: ")
    ]
    documents = []
    for name, title in named_services(known):
        documents.append(
            f"apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: {name}\n  title: {title}\n"
            f"{chance.choice(described)}\nspec:\n  type: service\n  lifecycle: production\n  owner: group-000001\n"
        )
    (folder / "named.yaml").write_text("---\n".join(documents))
    every = (folder / "all.yaml").read_text()
    first = next(line for line in every.splitlines() if "entities-0000.yaml" in line)
    (folder / "all.yaml").write_text(every.replace(first, f"{first}\n{first.replace('entities-0000', 'named')}"))
    facts: dict[str, Any] = json.loads((folder / "facts.json").read_text())
    return facts


def entities_of(folder: Path) -> list[tuple[str, str, str]]:
    """(title, name, address) of all entities of the made-up catalog."""
    found = []
    for file in sorted(folder.glob("entities-*.yaml")):
        pattern = re.compile(r"^kind: (\w+)$.*?^  name: (\S+)$.*?^  title: ([^\n]+)$", re.MULTILINE | re.DOTALL)
        for kind, name, title in pattern.findall(file.read_text()):
            found.append((title.strip("\"'"), name, f"/catalog/default/{kind.lower()}/{name}"))
    return found


def questions_of(folder: Path, known: int) -> list[Asked]:
    chance = random.Random(13)
    named = [(title, name, f"/catalog/default/component/{name}") for name, title in named_services(known)]
    made_up = chance.sample(entities_of(folder), known)
    begun: dict[str, int] = {}
    for title, _, _ in named:
        begun[name_key(title)[:5]] = begun.get(name_key(title)[:5], 0) + 1

    def spoil(kind: str, things: list[tuple[str, str, str]]) -> list[tuple[str, set[str]]]:
        asked = ((spoilt(kind, title, chance, begun), place) for title, _, place in things)
        return [(question, {place}) for question, place in asked if question]

    half = made_up[::2] + named[::2]
    words = sorted({word for title, _, _ in made_up for word in re.findall(r"[a-z]{4,}", title.split(":")[-1])})
    unknown = ["".join(chance.choices("bcdfghjklmnpqrstvwxz", k=9)) for _ in range(30)]
    return [
        Asked("title", [(title, {place}) for title, _, place in half]),
        Asked("name", [(name, {place}) for _, name, place in half]),
        Asked("title with an error", spoil("typo", made_up[1::2] + named[1::2])),
        Asked("two words swapped", spoil("swapped", made_up[1::2] + named[1::2])),
        Asked("five letters", spoil("begun", named)),
        Asked("one frequent word", [(word, set()) for word in words]),
        Asked("word that nothing has", [(word, set()) for word in unknown]),
    ]


# ---- asking ----------------------------------------------------------------------------------------------------------


def ask_all(api: Any, pid: int, asked: list[Asked], memory: Any) -> None:
    """Each question once. CPU is taken before and after each kind."""
    for kind in asked:
        before = memory(pid)["cpu_s"]
        for question, wanted in kind.questions:
            path = f"/api/search/query?term={quote(question)}&types[0]=software-catalog&pageLimit={PAGE}"
            status, body = api.json("GET", path)
            if status != 200:
                sys.exit(f"{path} was answered with {status}: {body}")
            places = [one["document"]["location"].lower() for one in body["results"]]
            kind.ranks.append(next((at for at, place in enumerate(places, 1) if place in wanted), 0))
        time.sleep(0.2)  # what is done after the last answer counts as well
        kind.cpu_s = memory(pid)["cpu_s"] - before


def _log(*said: object) -> None:
    print(time.strftime("%H:%M:%S"), *said, file=sys.stderr, flush=True)


def wait_until(what: str, is_so: Any, cap_s: float = 900) -> None:
    end = time.monotonic() + cap_s
    _log("waiting for", what)
    while not is_so():
        if time.monotonic() > end:
            sys.exit(f"{what} did not come about in {cap_s:.0f} s.")
        time.sleep(1)


def settle(pid: int, memory: Any) -> None:
    """Until the process has been idle for six seconds."""
    calm, before = 0, memory(pid)["cpu_s"]
    end = time.monotonic() + 300
    while calm < 2 and time.monotonic() < end:
        time.sleep(3)
        now = memory(pid)["cpu_s"]
        calm = calm + 1 if now - before < 0.3 else 0
        before = now


def measure(who: str, n: int, known: int, catalog: Path, port: int, asked: list[Asked]) -> None:
    sys.path.insert(0, str(PEERS))
    from measure import Api, memory

    with tempfile.TemporaryDirectory(prefix="bench-search-") as folder:
        env = environment_of(catalog, port, Path(folder))
        with (Path(folder) / "log").open("wb") as log:
            command = server_command(who, "sqlite", port, Path(folder) / "data")
            server = subprocess.Popen(command, env=env, stdout=log, stderr=log)
        api = Api(f"http://127.0.0.1:{port}", env["PORTAL_TOKEN"])
        try:

            def has_loaded() -> bool:
                if server.poll() is not None:
                    sys.exit(f"{who} ended while it loaded:\n{(Path(folder) / 'log').read_text()[-2_000:]}")
                status, body = api.json(
                    "GET",
                    "/api/catalog/entities/by-query?limit=0&filter=kind=component&filter=kind=user&filter=kind=api",
                )
                counted = (body or {}).get("totalItems", 0) if status == 200 else 0
                return bool(counted >= expected)

            expected = sum(_facts(catalog)["by_kind"][kind] for kind in ("Component", "User", "API")) + known
            wait_until(f"{who}: {expected} entities", has_loaded)
            _log(f"{who}: loaded")
            settle(server.pid, memory)
            _log(f"{who}: at rest")
            if who == "peer":
                _build_index(api)
                settle(server.pid, memory)
            last = list(named_services(known))[-1][1]
            query = f"/api/search/query?term={quote(last)}&types[0]=software-catalog"
            wait_until(f"{who}: the index", lambda: bool((api.json("GET", query)[1] or {}).get("results")))
            ask_all(api, server.pid, [Asked("warm", [(f"warming {at}", set()) for at in range(60)])], memory)
            ask_all(api, server.pid, asked, memory)
        finally:
            server.send_signal(signal.SIGTERM)
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _facts(catalog: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((catalog / "facts.json").read_text())
    return found


def _build_index(api: Any) -> None:
    """Have the peer index what it has loaded; it does so by itself every ten minutes."""
    url = "/api/search/.backstage/scheduler/v1/tasks"
    began = time.time()
    wait_until("a free indexer", lambda: api.ask("POST", f"{url}/search_index_software_catalog/trigger")[0] != 409)

    def has_ended() -> bool:
        tasks = (api.json("GET", url)[1] or {}).get("tasks", [])
        state = next((one["taskState"] for one in tasks if one["taskId"] == "search_index_software_catalog"), {})
        ended = state.get("lastRunEndedAt")
        return state.get("status") == "idle" and bool(ended) and _seconds(ended) >= began

    wait_until("the peer's index", has_ended)


def _seconds(text: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp()


# ---- telling ---------------------------------------------------------------------------------------------------------


def tell(results: dict[str, list[Asked]]) -> bool:
    """Print both sides; whether the bars hold."""
    peer, ours = results.get("peer"), results["callboard"]
    known = lambda asked: [one for one in asked if one.questions[0][1]]  # noqa: E731
    everything = {
        who: Asked("all known items", [q for one in known(asked) for q in one.questions], sum(one.cpu_s for one in known(asked)), [r for one in known(asked) for r in one.ranks])
        for who, asked in results.items()
    }  # fmt: skip
    print(
        "| what | questions | Backstage, CPU ms | Callboard, CPU ms | ratio | Backstage, first 1 / 3 / 10 | Callboard, first 1 / 3 / 10 |"
    )
    print("|---|---|---|---|---|---|---|")
    rows = [(mine, peer[at] if peer else None) for at, mine in enumerate(ours)]
    rows.append((everything["callboard"], everything.get("peer")))
    for mine, theirs in rows:
        a, b = mine.row(), theirs.row() if theirs else None
        ratio = f"{b['cpu_ms'] / a['cpu_ms']:.1f}×" if b and a["cpu_ms"] else ""
        cpu = f"{b['cpu_ms']:.1f}" if b else ""
        print(f"| {mine.kind} | {a['questions']} | {cpu} | {a['cpu_ms']:.2f} | {ratio} | {_shares(b)} | {_shares(a)} |")
    if peer is None:
        return True
    a, b = everything["callboard"].row(), everything["peer"].row()
    is_cheap, is_better = b["cpu_ms"] >= BAR * a["cpu_ms"], a["first 10"] > b["first 10"]
    print(
        f"CPU a question: {'holds' if is_cheap else '**missed**'} (≥ {BAR}×); recall at 10: {'holds' if is_better else '**missed**'}"
    )
    return is_cheap and is_better


def _shares(row: dict[str, Any] | None) -> str:
    if row is None or row["first 1"] is None:
        return ""
    return " / ".join(f"{row[f'first {most}']:.1%}" for most in (1, 3, 10))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=10_000)
    parser.add_argument("--known", type=int, default=300)
    parser.add_argument("--port", type=int, default=7117)
    parser.add_argument("--ours-only", action="store_true")
    parser.add_argument("--misses", action="store_true", help="show what was not among the first ten")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    if not (PEERS / "measure.py").is_file():
        print("bench/search_peer.py needs ../shared/peers beside the project; skipped.", file=sys.stderr)
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to end"))  # the server is ended, too
    folder = Path(tempfile.mkdtemp(prefix="bench-search-catalog-"))
    try:
        make_catalog(args.n, args.known, folder)
        results = {}
        for who in ("callboard",) if args.ours_only else ("peer", "callboard"):
            results[who] = questions_of(folder, args.known)
            measure(who, args.n, args.known, folder, args.port, results[who])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if args.out:
        args.out.write_text(
            json.dumps({who: {one.kind: one.row() for one in asked} for who, asked in results.items()}, indent=1)
        )
    if args.misses:
        for who, asked in results.items():
            for one in asked:
                for (question, wanted), rank in zip(one.questions, one.ranks, strict=True):
                    if wanted and not 0 < rank <= 10:
                        print(f"{who}, {one.kind}: {question!r} for {', '.join(wanted)}: {rank or 'not found'}")
    return 0 if tell(results) else 1


if __name__ == "__main__":
    sys.exit(main())
