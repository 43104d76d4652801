"""Spans for OpenTelemetry, where the operator has set it up (``opentelemetry-instrument callboard serve``).

Nothing is imported for it: while nobody in the process has loaded OpenTelemetry, a span is a look into ``sys.modules``.
Names of spans: ``<METHOD> <route>`` of requests, ``job <kind>``, and Backstage's ``ProcessingRun`` and ``ProcessingStage``.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import Any, Iterator, Mapping

from callboard.kernel.read_file import NotModified

_API = "opentelemetry.trace"
TRACER = "callboard"


def is_traced() -> bool:
    """Whether somebody wants to see spans."""
    return _API in sys.modules


@contextmanager
def span(name: str, **attributes: Any) -> Iterator[None]:
    """What happens inside is one span, below the one around it. In names of ``attributes`` ``_`` stands for a dot.

    An exception that passes is noted on it, unless it only says that nothing changed. Attributes that are None are left out.
    """
    api = sys.modules.get(_API)
    if api is None:
        yield
        return
    told = {key.replace("_", "."): value for key, value in attributes.items() if value is not None}
    with api.get_tracer(TRACER).start_as_current_span(
        name, attributes=told, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield
        except NotModified:
            raise
        except Exception as error:
            current.record_exception(error)
            current.set_status(api.Status(api.StatusCode.ERROR, str(error)))
            raise


@contextmanager
def server_span(scope: Mapping[str, Any]) -> Iterator[None]:
    """The span of a request, below the caller's when the request says so (``traceparent``). Call only where ``is_traced``."""
    api = sys.modules[_API]
    from opentelemetry import propagate

    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    attributes = {"http.request.method": scope["method"], "url.path": scope["path"]}
    with api.get_tracer(TRACER).start_as_current_span(
        scope["method"], context=propagate.extract(headers), kind=api.SpanKind.SERVER, attributes=attributes
    ):
        yield


def note_answer(method: str, route: str, status: int) -> None:
    """Name the request's span by its route, so that requests of one sort stand together."""
    api = sys.modules.get(_API)
    if api is not None:
        current = api.get_current_span()
        current.update_name(f"{method} {route}")
        current.set_attribute("http.route", route)
        current.set_attribute("http.response.status_code", status)
