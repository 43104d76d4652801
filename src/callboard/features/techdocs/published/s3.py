"""Objects in a bucket over the REST interface of S3, requests signed with version 4 of AWS's signatures.

Sources: Amazon S3 API reference; "Authenticating Requests: Using the Authorization Header (AWS Signature Version 4)".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from typing import Any, Mapping, Sequence
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree as ET

from callboard.features.techdocs.published.stores import MAX_OBJECT_BYTES, StoredObject
from callboard.features.techdocs.settings import S3Settings
from callboard.kernel.clock import Clock
from callboard.kernel.errors import InputError, NotAllowedError, NotFoundError, UnavailableError

TIMEOUT_S = 30.0
DELETE_AT_ONCE = 500
MAX_KEYS = 100_000
MAX_LISTINGS = 1_000
"""Answers of one listing: S3 gives a thousand keys in each, others may give fewer."""
_EMPTY = hashlib.sha256(b"").hexdigest()


class S3Store:
    """One bucket. ``http`` is the portal's client (``kernel.http_client``)."""

    def __init__(
        self, settings: S3Settings, http: Any, clock: Clock, environment: Mapping[str, str] = os.environ
    ) -> None:
        self._settings = settings
        self._http = http
        self._clock = clock
        self._key_id = settings.key_id or environment.get("AWS_ACCESS_KEY_ID", "")
        self._secret = settings.secret or environment.get("AWS_SECRET_ACCESS_KEY", "")
        self._token = settings.session_token or ("" if settings.key_id else environment.get("AWS_SESSION_TOKEN", ""))
        endpoint = settings.endpoint or f"https://s3.{settings.region}.amazonaws.com"
        parts = urlsplit(endpoint)
        is_in_path = settings.path_style or "." in settings.bucket
        self._host = parts.netloc if is_in_path else f"{settings.bucket}.{parts.netloc}"
        self._base = f"{parts.scheme}://{self._host}"
        self._prefix = parts.path.rstrip("/") + (f"/{settings.bucket}" if is_in_path else "")

    async def find(self, path: str) -> StoredObject | None:
        answer = await self._send("GET", self._key(path))
        if answer.status == 404:
            return None
        self._require(answer, path)
        return StoredObject(answer.body, answer.headers.get("etag", ""))

    async def put(self, path: str, content: bytes, media_type: str) -> None:
        headers = {"content-type": media_type}
        if self._settings.sse:
            headers["x-amz-server-side-encryption"] = self._settings.sse
        self._require(await self._send("PUT", self._key(path), content=content, headers=headers), path)

    async def list(self, prefix: str) -> Sequence[str]:
        found: list[str] = []
        token = ""
        for _ in range(MAX_LISTINGS):
            query = {"list-type": "2", "prefix": self._key(prefix)} | ({"continuation-token": token} if token else {})
            answer = await self._send("GET", "", query=query)
            self._require(answer, prefix)
            root = _parse(answer.body)
            found += [key.text or "" for key in root.iterfind("{*}Contents/{*}Key")]
            token = root.findtext("{*}NextContinuationToken") or ""
            if not token or len(found) > MAX_KEYS:
                break
        else:
            raise UnavailableError(
                f"The bucket {self._settings.bucket} lists on without end; is it S3 that answers there?"
            )
        cut = len(self._key("x")) - 1
        return sorted(key[cut:] for key in found)

    async def delete(self, paths: Sequence[str]) -> None:
        for start in range(0, len(paths), DELETE_AT_ONCE):
            root = ET.Element("Delete")
            for path in paths[start : start + DELETE_AT_ONCE]:
                ET.SubElement(ET.SubElement(root, "Object"), "Key").text = self._key(path)
            content = ET.tostring(root, encoding="utf-8")
            digest = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
            answer = await self._send(
                "POST", "", query={"delete": ""}, content=content, headers={"content-md5": digest}
            )
            self._require(answer, paths[start])

    def _key(self, path: str) -> str:
        return f"{self._settings.root}/{path}" if self._settings.root else path

    async def _send(
        self, method: str, key: str, *, query: Mapping[str, str] | None = None, content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:  # fmt: skip
        path = f"{self._prefix}/{quote(key, safe='/-_.~')}" if key else self._prefix + "/"
        text = "&".join(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in sorted((query or {}).items()))
        signed = self._sign(method, path, text, content, headers or {})
        url = f"{self._base}{path}" + (f"?{text}" if text else "")
        return await self._http.request(
            method,
            url,
            headers=signed,
            content=content,
            max_bytes=MAX_OBJECT_BYTES,
            timeout_s=TIMEOUT_S,
            follow_redirects=False,
        )

    def _sign(
        self, method: str, path: str, query: str, content: bytes | None, headers: Mapping[str, str]
    ) -> dict[str, str]:
        now = self._clock.now()
        stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
        digest = hashlib.sha256(content).hexdigest() if content else _EMPTY
        sent = {**headers, "x-amz-date": stamp, "x-amz-content-sha256": digest}
        if not self._key_id:
            return sent  # a bucket that anybody may read
        if self._token:
            sent["x-amz-security-token"] = self._token
        return {**sent, "authorization": authorization(
            method, path, query, {**sent, "host": self._host}, digest, key_id=self._key_id, secret=self._secret,
            region=self._settings.region, stamp=stamp, day=day,
        )}  # fmt: skip

    def _require(self, answer: Any, path: str) -> None:
        if answer.is_success:
            return
        told = _told(answer.body)
        for secret in (self._secret, self._token):
            told = told.replace(secret, "***") if secret else told
        where = f"{path or 'the bucket'} in {self._settings.bucket}"
        if answer.status in (401, 403):
            raise NotAllowedError(
                f"{where} may not be used: {told or answer.status}. Check techdocs.publisher.awsS3.credentials."
            )
        if answer.status == 404:
            raise NotFoundError(f"{where} is not there: {told or answer.status}. Check bucketName and region.")
        if answer.status in (301, 307, 400):
            raise InputError(
                f"{where} was refused: {told or answer.status}. Check region, endpoint and s3ForcePathStyle."
            )
        raise UnavailableError(f"{where} cannot be used now: {told or answer.status}.")


def authorization(
    method: str, path: str, query: str, headers: Mapping[str, str], digest: str, *, key_id: str, secret: str, region: str,
    stamp: str, day: str,
) -> str:  # fmt: skip
    """The ``Authorization`` header. ``path`` and ``query`` are encoded, the query sorted; all ``headers`` are signed."""
    names = sorted(name.lower() for name in headers)
    values = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    canonical = "\n".join(
        [method, path, query, *(f"{name}:{values[name]}" for name in names), "", ";".join(names), digest]
    )
    scope = f"{day}/{region}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{secret}".encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    return f"AWS4-HMAC-SHA256 Credential={key_id}/{scope}, SignedHeaders={';'.join(names)}, Signature={signature}"


def _parse(content: bytes) -> ET.Element:
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise UnavailableError("The bucket answered with something that is no listing.")
    try:
        return ET.fromstring(content)  # noqa: S314 -- entities cannot be declared without what was refused above
    except ET.ParseError:
        raise UnavailableError("The bucket answered with something that is no listing.") from None


def _told(content: bytes) -> str:
    try:
        root = _parse(content)
    except UnavailableError:
        return ""
    return " ".join(part for part in (root.findtext("Code"), root.findtext("Message")) if part)[:300]
