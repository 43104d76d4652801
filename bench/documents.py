#!/usr/bin/env python3
"""CPU of reading one document, split by step: split, hash, parse, process.

python ../shared/peers/gen_catalog.py --n 1000 --out DIR
.venv/bin/python bench/documents.py DIR/entities-0000.yaml
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any, Callable

import yaml12

from callboard.features.catalog.processing.pipeline import Processed, ProcessingContext, process_document
from callboard.features.catalog.processing.rules import Rules
from callboard.model import yaml_scan
from callboard.model.documents import parse_document, split_documents
from callboard.model.kinds import KindRegistry
from callboard.model.refs import LocationRef
from callboard.model.relations import relations_of, sort_refs
from callboard.model.validation import EntityValidator

ROUNDS = 5


def measure(what: Callable[[], Any], per: int) -> float:
    """Microseconds of CPU per document, the best of some rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        what()
        best = min(best, time.process_time() - start)
    return best / per * 1e6


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--kind", help="documents of this kind only")
    arguments = parser.parse_args()
    content = arguments.file.read_bytes()
    chunks = split_documents(content)
    if not isinstance(chunks, list):
        print(chunks.message, file=sys.stderr)
        return 1
    split = measure(lambda: split_documents(content), len(chunks))
    if arguments.kind:
        chunks = [c for c in chunks if f"\nkind: {arguments.kind}\n" in "\n" + c.text]
    values = [parse_document(c) for c in chunks]
    texts = [c.text for c in chunks]
    n = len(chunks)
    validator = EntityValidator(KindRegistry.built_in())
    location = LocationRef("url", "https://github.com/acme/catalog/blob/main/entities.yaml")
    context = ProcessingContext(validator, location, rules=Rules.everything())
    results = [process_document(v, context) for v in values]
    bad = [r for r in results if not isinstance(r, Processed)]
    if bad:
        print(bad[0], file=sys.stderr)
    good = [r for r in results if isinstance(r, Processed)]
    versions = [validator.kinds.find_version(r.entity) for r in good]
    rows = {
        "split (whole file)": split,
        "hash": measure(lambda: [c.hash for c in chunks], n),
        "parse_document": measure(lambda: [parse_document(c) for c in chunks], n),
        "  of it YAML": measure(lambda: [yaml12.parse_yaml(t) for t in texts], n),
        "  of it duplicate keys": measure(lambda: [yaml_scan.may_hold_duplicates(t) for t in texts], n),
        "process_document": measure(
            lambda: [
                process_document(v, context, None, context.plan_chunk(c, v))
                for c, v in zip(chunks, values, strict=True)
            ],
            n,
        ),
        "  of it placeholders": measure(
            lambda: [context.plan_chunk(c, v) for c, v in zip(chunks, values, strict=True)], n
        ),
        "  of it validation": measure(lambda: [validator.validate(r.entity, r.ref) for r in good], n),
        "  of it sorting": measure(lambda: [sort_refs(r.entity) for r in good], n),
        "  of it relations": measure(
            lambda: [relations_of(r.entity, v, r.ref) for r, v in zip(good, versions, strict=True) if v], n
        ),
    }
    print(
        f"{n} documents of {sum(len(c.data) for c in chunks) / n:,.0f} bytes, {sum(len(r.relations) for r in good) / n:.1f} relations"
    )
    for name, microseconds in rows.items():
        print(f"  {name:<24} {microseconds:7.1f} us")
    total = sum(us for name, us in rows.items() if not name.startswith(" "))
    print(f"  {'all':<24} {total:7.1f} us")
    return 0


if __name__ == "__main__":
    sys.exit(main())
