"""``http:request``, also under its old name ``http:backstage:request``: one request by the portal's HTTP client.

Where it may go is the client's to judge: nothing inside the network unless the settings name it. Inputs are those of Roadie's
``http:backstage:request``; a path without a host is one of this portal.
"""

from __future__ import annotations

from typing import Any, Mapping, Sequence
from urllib.parse import urlencode, urlsplit

from callboard.features.scaffolder.actions.schemas import anything, example, fields, flag, mapping, number, text
from callboard.features.scaffolder.language import to_json, to_text
from callboard.kernel.actions import Action, ActionAttributes, ActionContext
from callboard.kernel.errors import InputError, NotAllowedError, UnavailableError
from callboard.kernel.http_client import HttpClient, HttpResponse

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "UPDATE", "DELETE", "PUT", "PATCH")
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
DEFAULT_TIMEOUT_MS = 60_000
MAX_TIMEOUT_MS = 300_000
MAX_BYTES = 5 * 1024 * 1024
MAX_SHOWN = 2_000


class HttpSteps:
    """``base_url`` is the portal's own address: ``backend.baseUrl``."""

    def __init__(
        self, http: HttpClient, base_url: str, *, hosts: Sequence[str] = (), methods: Sequence[str] = ()
    ) -> None:
        """``hosts`` and ``methods``: when given, only those (``scaffolder.http.allowedHosts``, ``…allowedMethods``)."""
        self._http = http
        self._base_url = base_url.rstrip("/")
        self._hosts = tuple(host.lower() for host in hosts)
        self._methods = frozenset(methods)

    async def request(self, context: ActionContext) -> Mapping[str, Any]:
        given = context.input
        method, url = given["method"], self._url(given)
        self._check(method, url)
        shown = f" against {given['path']}" if given.get("logRequestPath", True) else ""
        context.log(f"Creating {method} request with http:request scaffolder action{shown}")
        if context.dry_run and method not in SAFE:
            context.log(f"Dry run mode. Skipping non dry-run safe method '{method}' request{shown}")
            return {}

        async def send() -> dict[str, Any]:
            return await self._send(context, method, url)

        key = given.get("idempotencyKey")
        if key and context.step is not None:
            answer: Mapping[str, Any] = await context.step.checkpoint(str(key), send)
            return answer
        return await send()

    async def _send(self, context: ActionContext, method: str, url: str) -> dict[str, Any]:
        given = context.input
        headers = {str(name): to_text(value) for name, value in (given.get("headers") or {}).items()}
        names = {name.lower(): value for name, value in headers.items()}
        if "authorization" not in names and (token := context.secrets.get("backstageToken")) and self._is_own(url):
            headers["authorization"] = f"Bearer {token}"
        body = given.get("body")
        content = None if body is None else body if isinstance(body, str) else to_json(body)
        if content is not None and not isinstance(body, str) and "content-type" not in names:
            headers["content-type"] = "application/json"
        timeout_ms = min(float(given.get("timeout") or DEFAULT_TIMEOUT_MS), MAX_TIMEOUT_MS)
        response = await self._http.request(
            method, url, headers=headers, content=None if content is None else content.encode("utf-8", "replace"),
            max_bytes=MAX_BYTES, timeout_s=timeout_ms / 1000,
        )  # fmt: skip
        answer = _read(response)
        if response.status < 400:
            return {"code": response.status, "headers": dict(response.headers), "body": answer}
        text = to_json(answer)[:MAX_SHOWN]
        context.log(f"There was an issue with your request. Status code: {response.status} Response body: {text}")
        if given.get("continueOnBadResponse"):
            return {"code": response.status, "headers": {}, "body": answer}
        raise UnavailableError(f"Unable to complete request: {urlsplit(url).netloc} answered with {response.status}")

    def _url(self, given: Mapping[str, Any]) -> str:
        path = str(given["path"])
        if "://" in path:
            url = path
        else:
            trimmed = path.lstrip("/")
            plugin = trimmed.removeprefix("api/") if trimmed.startswith("api/") else trimmed
            if any(part == ".." for part in plugin.split("/")):
                raise InputError(f"{path!r} is not a path of this portal.", field="path")
            url = f"{self._base_url}/api/{plugin}"
        params = given.get("params")
        if not params:
            return url
        query = urlencode({str(name): to_text(value) for name, value in params.items()})
        return f"{url}{'&' if '?' in url else '?'}{query}"

    def _is_own(self, url: str) -> bool:
        own, asked = urlsplit(self._base_url), urlsplit(url)
        return bool(own.netloc) and (own.scheme, own.netloc.lower()) == (asked.scheme, asked.netloc.lower())

    def _check(self, method: str, url: str) -> None:
        if self._methods and method not in self._methods:
            raise NotAllowedError(f"The method {method} is not among scaffolder.http.allowedMethods.")
        host = (urlsplit(url).hostname or "").lower()
        if self._hosts and not any(host == one or host.endswith(f".{one}") for one in self._hosts):
            raise NotAllowedError(f"The host {host} is not among scaffolder.http.allowedHosts.")


def _read(response: HttpResponse) -> Any:
    if "application/json" not in response.headers.get("content-type", ""):
        return {"message": response.text}
    return response.json() if response.body else None


def http_actions(steps: HttpSteps) -> Sequence[Action]:
    """One action under its two names; it runs in a dry run, where only what reads is sent."""
    input_schema = fields(
        {
            "path": text("The url path you want to query: a full URL, or a path of this portal as catalog/entities"),
            "method": text("The method type of the request", enum=list(METHODS)),
            "headers": mapping("The headers you would like to pass to your request"),
            "params": mapping("The query parameters you would like to pass to your request"),
            "body": anything("The body you would like to pass to your request"),
            "logRequestPath": flag("Option to turn request path logging off. On by default", default=True),
            "continueOnBadResponse": flag(
                "Return response code and body and continue to next scaffolder step if the response status is 4xx or 5xx. By "
                "default the step will fail if any status code is returned 400 and above.", default=False,
            ),
            "timeout": number("Timeout for the request (milliseconds)", exclusiveMinimum=0, default=DEFAULT_TIMEOUT_MS),
            "idempotencyKey": text(
                "When set, the request is sent at most once for the task: when the step is run again, the answer that came is "
                "given again."
            ),
        },
        ["path", "method"],
    )  # fmt: skip
    output_schema = fields(
        {
            "code": number("The response code of the request"),
            "headers": mapping("The headers of the response"),
            "body": anything("The body of the response; text is {message}"),
        }
    )
    return [
        Action(
            id, "Send an HTTP request", "Sends a HTTP request and gives the answer.", steps.request,
            input_schema=input_schema, output_schema=output_schema, attributes=ActionAttributes(), supports_dry_run=True,
            examples=[
                example("Ask a service", id, {"path": "https://api.example.com/things", "method": "GET"}),
                example("Send JSON", id, {"path": "https://api.example.com/things", "method": "POST",
                                          "headers": {"content-type": "application/json"}, "body": {"name": "orders"}}),
            ],
        )
        for id in ("http:request", "http:backstage:request")
    ]  # fmt: skip
