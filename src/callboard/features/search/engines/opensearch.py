"""OpenSearch 2 and 3, over its REST API.

One index. Fields hold our own terms, split at spaces and left alone; the number of the resource is an integer, so that an actor's bitmap goes
into the query as it is (``terms`` with ``value_type: bitmap``, OpenSearch 2.17). Documents themselves stay in the portal's database: what comes
back are numbers, and one that the database does not have any more is passed over.

Writes happen before the database commits. When that fails, the next sweep writes again; what is left over here stands under numbers that
the database does not have, or has with other words until then.
"""

from __future__ import annotations

import base64
from typing import Any, Callable, Sequence
from urllib.parse import quote

import orjson

from callboard.features.search.engines.base import WEIGHTS, Ask, Found, Group, split, terms_of
from callboard.features.search.interface import VisibleSet
from callboard.features.search.settings import OpenSearchSettings
from callboard.features.search.store.documents import resource_of
from callboard.features.search.store.records import FIELDS, Record
from callboard.kernel.db.interface import Transaction
from callboard.kernel.errors import UnavailableError
from callboard.kernel.http_client import HttpClient, HttpResponse

SHAPE = 1
"""Of the mapping; another one makes another index."""
_ROARING_HEAD = 12
"""A 64-bit roaring bitmap whose numbers are all below 2^32 is this many bytes and then the 32-bit one."""
_TEXT = {"type": "text", "analyzer": "whitespace", "norms": True, "index_options": "positions"}
MAPPING = {
    "settings": {"index": {"refresh_interval": "1s"}},
    "mappings": {
        "dynamic": "strict",
        "_source": {"enabled": False},
        "properties": {
            **{field: _TEXT for field in FIELDS},
            "mark": {"type": "keyword"},
            "resource": {"type": "integer"},
            "number": {"type": "long"},
        },
    },
}


class OpenSearchEngine:
    """Implements ``base.Engine`` on a server. Raises ``UnavailableError`` when it does not answer or refuses."""

    name = "opensearch"

    def __init__(self, http: HttpClient, settings: OpenSearchSettings) -> None:
        self._http = http
        self._index = f"{settings.node}/{quote(settings.prefix, safe='')}-search-{SHAPE}"
        self._headers: dict[str, str] = {}
        if settings.username is not None:
            pair = f"{settings.username}:{settings.password or ''}".encode()
            self._headers["authorization"] = f"Basic {base64.b64encode(pair).decode()}"

    async def prepare(self, tx: Transaction) -> bool:
        found = await self._ask("HEAD", "", ok=(200, 404))
        if found.status == 200:
            return False
        await self._ask("PUT", "", MAPPING)
        return True

    async def put(self, tx: Transaction, rows: Sequence[tuple[int, Record]], term_of: Callable[[str], str]) -> None:
        lines: list[Any] = []
        for number, record in rows:
            lines.append({"index": {"_id": str(number)}})
            fields = dict(zip(FIELDS, terms_of(record, term_of), strict=True))
            lines.append({**fields, "mark": list(record.marks), "resource": resource_of(number), "number": number})
        await self._bulk(lines)

    async def remove(self, tx: Transaction, numbers: Sequence[int]) -> None:
        await self._bulk([{"delete": {"_id": str(number)}} for number in numbers])

    async def clear(self, tx: Transaction) -> None:
        await self._ask("DELETE", "", ok=(200, 404))
        await self._ask("PUT", "", MAPPING)

    async def find(self, tx: Transaction, ask: Ask, visible: VisibleSet | None) -> Found:
        chosen = split(ask)
        must: list[Any] = []
        if chosen.rare:
            every = [_group(one) for one in (*ask.groups, *ask.together)]
            must = [{"bool": {"should": every, "minimum_should_match": 1}}]
            finding = [_group(one) for one in chosen.rare]
            if ask.together:
                finding.append({"bool": {"must": [_group(one) for one in ask.together]}})
            must[0]["bool"]["must"] = [{"bool": {"should": finding}}]
        elif chosen.common:
            must = [{"bool": {"must": [_group(one) for one in chosen.common]}}]
        filters = [{"terms": {"mark": list(marks)}} for marks in ask.marks]
        filters.append(_visible(visible))
        answer = await self._ask(
            "POST",
            "/_search",
            {
                "size": ask.limit,
                "track_total_hits": ask.limit + 1,
                "_source": False,
                "stored_fields": "_none_",
                "docvalue_fields": ["number"],
                "query": {"bool": {"must": must, "filter": filters}},
                "sort": ["_score", {"number": "asc"}],
                "track_scores": True,
            },
        )
        hits = answer.json()["hits"]
        found = [(int(hit["fields"]["number"][0]), float(hit["_score"] or 0.0)) for hit in hits["hits"]]
        return Found(found, not chosen.common and hits["total"]["value"] <= len(found))

    async def close(self) -> None:
        await self._http.close()

    async def _bulk(self, lines: Sequence[Any]) -> None:
        if not lines:
            return
        body = b"".join(orjson.dumps(line) + b"\n" for line in lines)
        answer = (await self._ask("POST", "/_bulk?refresh=true", content=body)).json()
        if answer.get("errors"):
            failed = [
                action["error"] for item in answer["items"] for action in item.values() if action.get("error")
            ]  # one that was to be deleted and is not there is no error
            if failed:
                raise UnavailableError(f"OpenSearch refused {len(failed)} documents: {str(failed[0])[:300]}")

    async def _ask(
        self, method: str, path: str, json: Any = None, *, content: bytes | None = None, ok: Sequence[int] = (200, 201)
    ) -> HttpResponse:
        headers = dict(self._headers)
        if content is not None:
            headers["content-type"] = "application/x-ndjson"
        answer = await self._http.request(
            method, self._index + path, headers=headers, json=json, content=content, follow_redirects=False
        )
        if answer.status not in ok:
            raise UnavailableError(
                f"OpenSearch answered {method} {path or '/'} with status {answer.status}: {answer.text[:300]}"
            )
        return answer


def _group(group: Group) -> dict[str, Any]:
    """Any of the terms in any field, by the weight of the word and of the field."""
    fields = [f"{field}^{weight:g}" for field, weight in zip(FIELDS, WEIGHTS, strict=True)]
    single = " ".join(term for term in group.terms if " " not in term)
    queries: list[Any] = []
    if single:
        queries.append({"multi_match": {"query": single, "fields": fields, "type": "most_fields"}})
    for phrase in (term for term in group.terms if " " in term):
        queries.append({"multi_match": {"query": phrase, "fields": fields, "type": "phrase"}})
    return queries[0] if len(queries) == 1 else {"bool": {"should": queries, "minimum_should_match": 1}}


def _visible(visible: VisibleSet | None) -> dict[str, Any]:
    none: dict[str, Any] = {"term": {"resource": 0}}
    if visible is None or not len(visible):
        return none
    bitmap = base64.b64encode(visible.serialize()[_ROARING_HEAD:]).decode()
    return {
        "bool": {
            "should": [none, {"terms": {"resource": [bitmap], "value_type": "bitmap"}}],
            "minimum_should_match": 1,
        }
    }
