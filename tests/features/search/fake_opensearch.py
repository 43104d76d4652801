"""An OpenSearch that knows the requests this portal sends, and refuses every other: it checks each one, and answers from memory."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import urlsplit

import httpx2
from pyroaring import BitMap

FIELDS = {"title", "name", "heading", "keyword", "text"}


class FakeOpenSearch(httpx2.AsyncBaseTransport):
    """One index. ``asked`` lists method and path of every request."""

    def __init__(self, node: str = "https://search.test:9200") -> None:
        self.node = node
        self.mapping: dict[str, Any] | None = None
        self.stored: dict[str, dict[str, Any]] = {}
        self.asked: list[tuple[str, str]] = []
        self.searches: list[dict[str, Any]] = []
        self.status: int | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        url = urlsplit(str(request.url))
        assert f"{url.scheme}://{url.netloc}" == self.node
        assert request.headers["authorization"] == "Basic " + base64.b64encode(b"search:secret").decode()
        _, index, *rest = url.path.split("/")
        assert index == "acme-search-1", index
        body = await request.aread()
        action = "/".join(rest)
        self.asked.append((request.method, action))
        if self.status is not None:
            return httpx2.Response(self.status, content=b'{"error": "no"}', request=request)
        status, answer = self._answer(request, action, url.query, body)
        return httpx2.Response(status, json=answer, request=request)

    def _answer(self, request: httpx2.Request, action: str, query: str, body: bytes) -> tuple[int, Any]:
        method = request.method
        if (method, action) == ("HEAD", ""):
            return (404 if self.mapping is None else 200), None
        if (method, action) == ("PUT", ""):
            assert self.mapping is None, "resource_already_exists_exception"
            self.mapping = json.loads(body)["mappings"]["properties"]
            assert self.mapping["resource"] == {"type": "integer"} and self.mapping["mark"] == {"type": "keyword"}
            return 200, {"acknowledged": True}
        if (method, action) == ("DELETE", ""):
            there, self.mapping, self.stored = self.mapping is not None, None, {}
            return (200 if there else 404), {}
        assert self.mapping is not None, "index_not_found_exception"
        if (method, action) == ("POST", "_bulk"):
            assert request.headers["content-type"] == "application/x-ndjson" and query == "refresh=true"
            return 200, self._bulk(body)
        if (method, action) == ("POST", "_search"):
            return 200, self._search(json.loads(body))
        raise AssertionError(f"OpenSearch has no {method} {action}")

    def _bulk(self, body: bytes) -> dict[str, Any]:
        assert body.endswith(b"\n")
        lines = [json.loads(line) for line in body.splitlines()]
        items = []
        while lines:
            (kind, meta), *_ = lines.pop(0).items()
            if kind == "index":
                document = lines.pop(0)
                assert set(document) == set(self.mapping or ()), "strict_dynamic_mapping_exception"
                assert meta["_id"] == str(document["number"]) and document["resource"] == document["number"] >> 24
                self.stored[meta["_id"]] = document
                items.append({"index": {"_id": meta["_id"], "status": 201}})
            else:
                there = self.stored.pop(meta["_id"], None)
                items.append({"delete": {"_id": meta["_id"], "status": 200 if there else 404}})
        return {"errors": False, "items": items}

    def _search(self, body: dict[str, Any]) -> dict[str, Any]:
        self.searches.append(body)
        assert body["_source"] is False and body["docvalue_fields"] == ["number"]
        assert body["sort"] == ["_score", {"number": "asc"}]
        hits = []
        for document in self.stored.values():
            score = self._score(body["query"], document)
            if score is not None:
                hits.append((-score, document["number"]))
        hits.sort()
        most = body["track_total_hits"]
        total = {"value": min(len(hits), most), "relation": "eq" if len(hits) <= most else "gte"}
        shown = [{"_score": -score, "fields": {"number": [number]}} for score, number in hits[: body["size"]]]
        return {"hits": {"total": total, "hits": shown}}

    def _score(self, query: dict[str, Any], document: dict[str, Any]) -> float | None:
        """None: does not match."""
        ((kind, given),) = query.items()
        if kind == "bool":
            return self._bool(given, document)
        if kind == "term":
            ((field, value),) = given.items()
            return 0.0 if document[field] == value else None
        if kind == "terms":
            rest = dict(given)
            if rest.pop("value_type", None) == "bitmap":
                ((field, (bitmap,)),) = rest.items()
                return 0.0 if document[field] in BitMap.deserialize(base64.b64decode(bitmap)) else None
            ((field, values),) = rest.items()
            return 0.0 if set(values) & set(document[field]) else None
        assert kind == "multi_match", kind
        weights = {name: float(weight) for name, weight in (one.split("^") for one in given["fields"])}
        assert set(weights) == FIELDS
        words, score, is_there = given["query"].split(), 0.0, False
        for field, weight in weights.items():
            text = f" {document[field]} "
            found = [f" {' '.join(words)} " in text] if given["type"] == "phrase" else [f" {w} " in text for w in words]
            is_there = is_there or any(found)
            score += weight * sum(found)
        return score if is_there else None

    def _bool(self, given: dict[str, Any], document: dict[str, Any]) -> float | None:
        score = 0.0
        for one in [*given.get("must", ()), *given.get("filter", ())]:
            got = self._score(one, document)
            if got is None:
                return None
            score += got
        should = [self._score(one, document) for one in given.get("should", ())]
        least = given.get("minimum_should_match", 0 if given.get("must") or given.get("filter") else 1)
        if should and sum(one is not None for one in should) < least:
            return None
        return score + sum(one for one in should if one is not None)
