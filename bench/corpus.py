#!/usr/bin/env python3
"""Bar 1: verdict, stage, ref, relations and location targets of real files, compared with real Backstage's.

    .venv/bin/python bench/corpus.py [--corpus ../shared/corpus/catalog] [--json]

Prints the share of documents that agree on each criterion and every difference, with its explanation where we know one.
Exit status 1 when a criterion is below 99% or a difference has no explanation.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from callboard.features.catalog.processing.files import ReadsMap, Verdict, validate_files

CRITERIA = ("verdict", "stage", "ref", "relations", "location_targets")
BAR = 0.99
EXPLANATIONS: dict[tuple[str, int], str] = {}
"""(file, index) to why we differ on purpose."""


@dataclass
class Report:
    documents: int = 0
    agree: Counter[str] = field(default_factory=Counter)
    differences: list[dict[str, Any]] = field(default_factory=list)

    def share(self, criterion: str) -> float:
        return self.agree[criterion] / self.documents if self.documents else 0.0


def run(corpus: Path) -> Report:
    """Compare every document of the corpus; files are judged as ``callboard catalog validate`` does."""
    report = Report()
    manifest = {entry["file"]: entry for entry in _lines(corpus / "manifest.jsonl")}
    for expected in _lines(corpus / "expected.jsonl"):
        name, includes = expected["file"], manifest[expected["file"]].get("includes", {})
        reads = _Stubbed(ReadsMap(includes, corpus), includes)
        verdicts = list(validate_files([corpus / name], base_url=expected["url"], read=reads))
        for index in range(max(len(verdicts), len(expected["docs"]))):
            theirs = expected["docs"][index] if index < len(expected["docs"]) else None
            ours = verdicts[index] if index < len(verdicts) else None
            _compare(report, name, index, theirs, ours)
    return report


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


class _Stubbed:
    """Reads outside the corpus get the stub that the oracle got."""

    def __init__(self, inner: ReadsMap, known: dict[str, Any]) -> None:
        self._inner, self._known = inner, known

    def __call__(self, url: str) -> Any:
        return self._inner(url) if url in self._known else b'{"stub": true}'


def _compare(report: Report, file: str, index: int, theirs: dict[str, Any] | None, ours: Verdict | None) -> None:
    report.documents += 1
    expected, got = _expected(theirs), _got(ours)
    for criterion in CRITERIA:
        if expected.get(criterion) == got.get(criterion):
            report.agree[criterion] += 1
        else:
            report.differences.append(
                {"file": file, "index": index, "criterion": criterion, "expected": expected.get(criterion),
                 "got": got.get(criterion), "expected_message": (theirs or {}).get("message"),
                 "message": ours.problems[0].message if ours and ours.problems else None,
                 "why": EXPLANATIONS.get((file, index))}
            )  # fmt: skip


def _expected(doc: dict[str, Any] | None) -> dict[str, Any]:
    if doc is None:
        return {"verdict": "no such document"}
    return {
        "verdict": doc["verdict"], "stage": doc.get("stage"), "ref": doc.get("ref"),
        "relations": sorted((r["source"], r["type"], r["target"]) for r in doc.get("relations", ())),
        "location_targets": doc.get("location_targets", []),
    }  # fmt: skip


def _got(verdict: Verdict | None) -> dict[str, Any]:
    if verdict is None:
        return {"verdict": "no such document"}
    return {
        "verdict": verdict.verdict,
        "stage": verdict.problems[0].stage if verdict.verdict == "invalid" else None,
        "ref": verdict.ref,
        "relations": sorted(tuple(relation) for relation in verdict.relations),
        "location_targets": list(verdict.location_targets),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(__file__).resolve().parents[2] / "shared" / "corpus" / "catalog"
    parser.add_argument("--corpus", type=Path, default=default)
    parser.add_argument("--json", action="store_true", help="print figures and differences as JSON")
    arguments = parser.parse_args()
    report = run(arguments.corpus)
    shares = {criterion: report.share(criterion) for criterion in CRITERIA}
    if arguments.json:
        print(
            json.dumps({"documents": report.documents, "shares": shares, "differences": report.differences}, indent=1)
        )
    else:
        print(f"{report.documents} documents")
        for criterion, share in shares.items():
            print(f"  {criterion:<17} {share:8.2%}  {'ok' if share >= BAR else 'BELOW THE BAR'}")
        print(f"{len(report.differences)} differences")
        for d in report.differences:
            print(f"  {d['file']}[{d['index']}] {d['criterion']}: expected {d['expected']}, got {d['got']}")
            print(
                f"      theirs: {d['expected_message']}\n      ours:   {d['message']}\n      why:    {d['why'] or 'UNEXPLAINED'}"
            )
    unexplained = any(d["why"] is None for d in report.differences)
    return 1 if unexplained or min(shares.values()) < BAR else 0


if __name__ == "__main__":
    sys.exit(main())
