"""How well and how fast search finds.

    bench/search.py govuk [--corpus ../shared/corpus/govuk] [--misses] [--ours] [--embedder wordllama]
    bench/search.py known [--corpus …]
    bench/search.py large --data DIR [--passages 20000]

``govuk``: the share of questions whose source is among the first 1, 5 and 10, and the mean reciprocal rank, for the questions given with
the corpus, for our own (``data/govuk_questions.txt``), for harder, paraphrased ones (``data/govuk_hard_questions.txt``), and for ones that hardly anything
was tuned on (``data/govuk_fresh_questions.txt``). ``--embedder``: by meaning as well, as
``search.semantic.embedder`` would have it (callboard[semantic], and the package of the model).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from search_corpus import (
    FRESH_QUESTIONS,
    HARD_QUESTIONS,
    MixedCollator,
    Plugin,
    given_questions,
    own_questions,
    source_of,
    spoilt,
)

from callboard.features.search.catching_up import catch_up
from callboard.features.search.interface import Meaning, Search, SearchQuery
from callboard.features.search.plugin import SearchParts
from callboard.features.search.text.tokens import name_key
from callboard.kernel.auth.actor import SYSTEM
from callboard.testing import make_portal

CORPUS = Path(__file__).resolve().parent.parent.parent / "shared" / "corpus" / "govuk"


async def fill_govuk(portal: Any, corpus: Path) -> None:
    """GOV.UK's inventory imported by the importing feature, and everything indexed."""
    from callboard.cli.importing_door import LocalImports

    door = LocalImports(portal)
    record = await door.upload((corpus / "repos.csv").read_bytes(), "repos.csv")
    await door.plan(record["id"], lambda done, total: None)
    await door.apply(record["id"], (await door.summary(record["id"]))["digest"], "remove")
    parts = portal.service(SearchParts)
    problems = await catch_up(parts.indexer, parts.collators.values())
    assert not problems, problems


def govuk_portal(corpus: Path, more: dict[str, Any] | None = None) -> Any:
    """A portal whose settings name GOV.UK's docs as ``docs/how-to/search.md`` does, and ``more``."""
    site = {"entity": "component:default/govuk-developer-docs", "source": str((corpus / "docs").resolve())}
    return make_portal({"techdocs": {"sites": [site]}, **(more or {})})


BARS = {"first": 0.70, "of five": 0.93, "of ten": 0.97, "MRR": 0.80}


async def run_govuk(args: argparse.Namespace) -> bool:
    """Whether the questions given are answered as well as they should be."""
    holds = True
    corpus: Path = args.corpus
    settings: dict[str, Any] = {"builtinSynonyms": not args.plain}
    if args.embedder:
        settings["semantic"] = {"embedder": args.embedder, "questionTimeout": "10s"}
    async with govuk_portal(corpus, {"search": settings}) as site:
        await fill_govuk(site.portal, corpus)
        search: Search = site.portal.service(Search)
        if args.embedder:
            began = time.process_time()
            await site.portal.service(SearchParts).catch_up()
            took, state = time.process_time() - began, await site.portal.service(Meaning).state()
            print(f"{state}\n  in {took:.1f} CPU-s, {took / state.embedded * 1000:.2f} ms a passage")
        await report("own", search, own_questions(), args)
        await report("hard", search, own_questions(HARD_QUESTIONS), args)
        await report("fresh", search, own_questions(FRESH_QUESTIONS), args)
        if not args.own:
            found = await report("given", search, given_questions(corpus / "questions.jsonl"), args)
            holds = all(found[name] >= bar for name, bar in BARS.items())
        if args.ask:
            for hit in (await search.query(SearchQuery(args.ask, limit=10), actor=SYSTEM)).hits:
                print(f"{hit.score:8.3f} {source_of(hit.document.fields)} {hit.document.title} {hit.reasons}")
    return holds


async def report(name: str, search: Search, questions: list[tuple[str, list[set[str]]]], args: Any) -> dict[str, float]:
    ranks, began = [], time.process_time()
    for question, groups in questions:
        found = await search.query(SearchQuery(question, limit=10), actor=SYSTEM)
        sources = [source_of(hit.document.fields) for hit in found.hits]
        rank = next((at for at, source in enumerate(sources, 1) if any(source in group for group in groups)), 0)
        ranks.append(rank)
        if args.misses and rank != 1 and (name != "given" or args.look):
            print(
                f"  {rank:2} {question}\n     wanted {sorted(groups[0])}\n     got    {sources[: max(3, min(rank, 5))]}"
            )
    cpu = (time.process_time() - began) / len(questions) * 1000
    found = figures(ranks)
    shown = "  ".join(f"{key} {value:.3f}" for key, value in found.items())
    print(f"{name:6} {shown}  ({len(ranks)} questions, {cpu:.1f} ms of CPU each)")
    return found


def figures(ranks: list[int]) -> dict[str, float]:
    """Shares answered among the first 1, 5 and 10, and the mean reciprocal rank."""
    share = lambda most: sum(0 < rank <= most for rank in ranks) / len(ranks)  # noqa: E731
    mrr = sum(1 / rank for rank in ranks if rank) / len(ranks)
    return {"first": share(1), "of five": share(5), "of ten": share(10), "MRR": mrr}


async def run_known(args: argparse.Namespace) -> bool:
    """300 entities and pages, each asked for by a title with an error in it, by five letters, and with two words swapped."""
    chance = random.Random(args.seed)
    async with govuk_portal(args.corpus) as site:
        await fill_govuk(site.portal, args.corpus)
        search: Any = site.portal.service(SearchParts).service
        async with site.portal.db.read() as tx:
            rows = [json.loads(row[0]) for row in await tx.fetch_all("SELECT payload FROM search_document")]
        titles: dict[str, set[str]] = {}
        for one in rows:
            source = source_of(one["fields"])
            titles.setdefault(one["title"], set()).add(source)
        things = chance.sample(sorted(titles.items()), min(300, len(titles)))
        begun: dict[str, int] = {}
        for title in titles:
            begun[name_key(title)[:5]] = begun.get(name_key(title)[:5], 0) + 1
        holds = True
        for kind in ("typo", "begun", "swapped"):
            asked = [
                (found, title, wanted) for title, wanted in things if (found := spoilt(kind, title, chance, begun))
            ]
            good, missed = 0, []
            for question, title, wanted in asked:
                hits = (await search.query(SearchQuery(question, limit=3), actor=SYSTEM)).hits
                if any(source_of(hit.document.fields) in wanted for hit in hits):
                    good += 1
                else:
                    missed.append(f"{question!r} for {title!r}: {[hit.document.title for hit in hits]}")
            print(f"{kind:8} {good / len(asked):.1%} of {len(asked)} among the first three")
            holds = holds and good >= 0.95 * len(asked)
            if args.misses:
                print("\n".join(f"    {line}" for line in missed))
    return holds


async def run_large(args: argparse.Namespace) -> bool:
    """The store given is copied, so that it can be measured again."""
    collator = MixedCollator(args.corpus / "docs", args.passages)
    with tempfile.TemporaryDirectory(prefix="bench-search-") as folder:
        shutil.copytree(args.data, folder, dirs_exist_ok=True)
        settings: dict[str, Any] = {"catalog": {"processingInterval": False}}
        plugins = [("bench-docs", Plugin(collator))]
        async with make_portal(settings, data_dir=Path(folder), plugins=plugins, start=False) as site:
            await site.portal.upgrade()
            parts = site.portal.service(SearchParts)
            began = time.process_time()
            await parts.indexer.rebuild()
            await parts.indexer.run_pending()
            print(f"built in {time.process_time() - began:.1f} CPU-s")
            async with site.portal.db.read() as tx:
                for table in ("document", "word", "near", "name"):
                    print(f"  search_{table}: {await tx.fetch_value(f'SELECT count(*) FROM search_{table}'):,}")
            slowest = await measure(parts.service, site.portal.db, collator)
            page = "page-00007"
            for what in ("changed", "deleted"):
                began = time.perf_counter()
                if what == "changed":
                    collator.pages[page] = 2
                else:
                    del collator.pages[page]
                await parts.indexer.index(collator, {page: "2"})
                found = await parts.service.query(SearchQuery("changed2page00007"), actor=SYSTEM)
                assert bool(found.hits) == (what == "changed"), (what, found)
                print(f"a {what} page is {'found' if found.hits else 'gone'} after {time.perf_counter() - began:.3f} s")
            return slowest <= 30.0


async def measure(search: Search, db: Any, collator: Any) -> float:
    """CPU of one question after the other, the 99th of a hundred in ms: names, titles, words, sentences, beginnings, errors."""
    chance = random.Random(5)
    async with db.read() as tx:
        rows = await tx.fetch_all("SELECT payload FROM search_document WHERE number % 97 = 5 LIMIT 1500")
    asked: dict[str, list[str]] = {
        key: [] for key in ("name", "title", "two words", "sentence", "begun", "typo", "common")
    }
    for (payload,) in rows:
        one = json.loads(payload)
        words = re.findall(r"[a-z]{4,}", one["text"].lower()) or ["queue", "score"]
        asked["name"].append((one["names"] or [one["title"]])[0])
        asked["title"].append(one["title"])
        asked["two words"].append(" ".join(chance.choices(words, k=2)))
        asked["sentence"].append("how do I " + " ".join(chance.choices(words, k=8)))
        asked["begun"].append(one["title"][: chance.randint(2, 9)])
        word = chance.choice(words)
        at = chance.randrange(len(word) - 1)
        asked["typo"].append(word[:at] + word[at + 1] + word[at] + word[at + 2 :])
        asked["common"].append(chance.choice(words))
    everything = []
    for kind, questions in asked.items():
        took = []
        for question in chance.sample(questions, min(200, len(questions))):
            began = time.process_time()
            await search.query(SearchQuery(question, limit=25, as_typed=kind == "begun"), actor=SYSTEM)
            took.append((time.process_time() - began) * 1000)
        everything += took
        print(f"  {kind:10} {_spread(took)}")
    print(f"  {'all':10} {_spread(everything)}")
    return sorted(everything)[int(len(everything) * 0.99)]


def _spread(took: list[float]) -> str:
    took = sorted(took)
    at = {share: took[min(len(took) - 1, int(len(took) * share))] for share in (0.5, 0.9, 0.99)}
    return f"p50 {at[0.5]:.1f}  p90 {at[0.9]:.1f}  p99 {at[0.99]:.1f}  most {took[-1]:.1f} ms"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="what", required=True)
    govuk = kinds.add_parser("govuk")
    govuk.add_argument("--corpus", type=Path, default=CORPUS)
    govuk.add_argument("--misses", action="store_true", help="show our own questions that were not answered first")
    govuk.add_argument("--look", action="store_true", help="show those of the given questions, too")
    govuk.add_argument("--own", action="store_true", help="only our own questions")
    govuk.add_argument("--plain", action="store_true", help="without the built-in synonyms")
    govuk.add_argument("--embedder", help="find by meaning as well, with this model")
    govuk.add_argument("--ask", help="show what is found for this")
    known = kinds.add_parser("known")
    known.add_argument("--corpus", type=Path, default=CORPUS)
    known.add_argument("--misses", action="store_true")
    known.add_argument("--seed", type=int, default=1)
    large = kinds.add_parser("large")
    large.add_argument("--corpus", type=Path, default=CORPUS)
    large.add_argument("--data", type=Path, required=True, help="a store with as many entities as wanted")
    large.add_argument("--passages", type=int, default=20_000)
    args = parser.parse_args()
    holds = asyncio.run({"govuk": run_govuk, "known": run_known, "large": run_large}[args.what](args))
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
