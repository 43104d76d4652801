"""How well and how fast search finds.

    python -m bench.search govuk [--corpus ../shared/corpus/govuk] [--misses] [--ours]
    python -m bench.search known [--corpus …]
    python -m bench.search large [--entities 100000] [--passages 20000]
    python -m bench.search soak [--policies 1000]

``govuk``: the share of questions whose source is among the first 1, 5 and 10, and the mean reciprocal rank, for the questions given with
the corpus and for our own (``data/govuk_questions.txt``); beside it what plain BM25 gives on the same passages.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from pathlib import Path
from typing import Any

from bench.search_corpus import FolderCollator, Plugin, given_questions, own_questions, source_of

from callboard.features.search.interface import Search, SearchQuery
from callboard.features.search.plugin import SearchParts
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
    await portal.service(SearchParts).indexer.sweep()


async def run_govuk(args: argparse.Namespace) -> None:
    corpus: Path = args.corpus
    collator = FolderCollator(corpus / "docs", "component:default/govuk-developer-docs")
    async with make_portal({}, plugins=[("bench-docs", Plugin(collator))]) as site:
        await fill_govuk(site.portal, corpus)
        search: Search = site.portal.service(Search)
        await report("own", search, own_questions(), args)
        if not args.own:
            await report("given", search, given_questions(corpus / "questions.jsonl"), args)
        if args.ask:
            for hit in (await search.query(SearchQuery(args.ask, limit=10), actor=SYSTEM)).hits:
                print(f"{hit.score:8.3f} {source_of(hit.type, hit.document)} {hit.document.title} {hit.reasons}")


async def report(name: str, search: Search, questions: list[tuple[str, list[set[str]]]], args: Any) -> None:
    ranks, began = [], time.process_time()
    for question, groups in questions:
        found = await search.query(SearchQuery(question, limit=10), actor=SYSTEM)
        sources = [source_of(hit.type, hit.document) for hit in found.hits]
        rank = next((at for at, source in enumerate(sources, 1) if any(source in group for group in groups)), 0)
        ranks.append(rank)
        if args.misses and rank != 1 and (name == "own" or args.look):
            print(
                f"  {rank:2} {question}\n     wanted {sorted(groups[0])}\n     got    {sources[: max(3, min(rank, 5))]}"
            )
    cpu = (time.process_time() - began) / len(questions) * 1000
    print(f"{name:6} {figures(ranks)}  {cpu:.1f} ms a question")


def figures(ranks: list[int]) -> str:
    n = len(ranks)
    at = [sum(0 < rank <= k for rank in ranks) / n for k in (1, 5, 10)]
    mrr = sum(1 / rank for rank in ranks if 0 < rank <= 10) / n
    return f"first {at[0]:.1%}  5 {at[1]:.1%}  10 {at[2]:.1%}  MRR {mrr:.3f}  ({n} questions)"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="what", required=True)
    govuk = kinds.add_parser("govuk")
    govuk.add_argument("--corpus", type=Path, default=CORPUS)
    govuk.add_argument("--misses", action="store_true", help="show our own questions that were not answered first")
    govuk.add_argument("--look", action="store_true", help="show those of the given questions, too")
    govuk.add_argument("--own", action="store_true", help="only our own questions")
    govuk.add_argument("--ask", help="show what is found for this")
    args = parser.parse_args()
    asyncio.run({"govuk": run_govuk}[args.what](args))
    return 0


if __name__ == "__main__":
    sys.exit(main())
