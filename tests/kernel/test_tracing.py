"""Spans, where OpenTelemetry is there, and nothing at all where it is not."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import pytest

# In a process of its own: OpenTelemetry takes one provider for good.
TRACED = """
import asyncio, json, sys
from contextlib import contextmanager
from pathlib import Path
from opentelemetry import trace

class Span(trace.NonRecordingSpan):
    def __init__(self, name, parent, attributes):
        super().__init__(trace.SpanContext(0x1234, len(seen) + 1, False, trace.TraceFlags(1)))
        self.row = {"name": name, "parent": parent, "attributes": dict(attributes or {}), "error": None}
        seen.append(self.row)
    def update_name(self, name): self.row["name"] = name
    def set_attribute(self, key, value): self.row["attributes"][key] = value
    def record_exception(self, error, *_, **__): self.row["error"] = str(error)

class Tracer(trace.NoOpTracer):
    @contextmanager
    def start_as_current_span(self, name, context=None, kind=None, attributes=None, **rest):
        parent = trace.get_current_span(context)
        known = parent.row["name"] if isinstance(parent, Span) else format(parent.get_span_context().trace_id, "x")
        one = Span(name, known, attributes)
        with trace.use_span(one):
            yield one

class Provider(trace.TracerProvider):
    def get_tracer(self, *_, **__): return Tracer()

seen = []
trace.set_tracer_provider(Provider())

from callboard.testing import admin, component, make_portal

async def main():
    Path("a.json").write_text(json.dumps(component("a")))
    settings = {"catalog": {"locations": [{"type": "file", "target": "a.json"}, {"type": "file", "target": "none.json"}], "watchFiles": False}}
    async with make_portal(settings) as portal:
        await portal.jobs.run_due()
        async with portal.db.write() as tx:
            await portal.jobs.enqueue(tx, "catalog.sweep", {}, key="again")
        await portal.jobs.run_due()
        async with portal.client(admin()) as client:
            context = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
            await client.get("/api/catalog/entities/by-name/component/default/a", headers=context)
            await client.get("/api/catalog/v1/why?asked=component:a")

asyncio.run(main())
print(json.dumps(seen))
"""


def test_nothing_is_loaded_for_it() -> None:
    """Who does not trace pays for a look into a dict: the API takes 40 ms to import."""
    script = """
        import sys
        from callboard.kernel.tracing import is_traced, note_answer, span
        with span("job x", job_id=1):
            note_answer("GET", "/x", 200)
        assert not is_traced() and not any(name.startswith("opentelemetry") for name in sys.modules)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True)


@pytest.mark.slow
def test_requests_jobs_and_processing_are_spans(tmp_path) -> None:
    """Requests by route, below the caller's trace; jobs with the processing inside them."""
    done = subprocess.run([sys.executable, "-c", TRACED], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    spans = json.loads(done.stdout)
    named = {span["name"]: span for span in spans}
    assert named["ProcessingRun"]["parent"] == "job catalog.location"
    stages = [span["attributes"]["stage"] for span in spans if span["name"] == "ProcessingStage"]
    assert set(stages) == {"read", "process"}
    assert {span["parent"] for span in spans if span["name"] == "ProcessingStage"} == {"ProcessingRun"}
    errors = {
        (span["attributes"].get("catalog.location"), span["error"] is None)
        for span in spans
        if span["name"] == "ProcessingStage"
    }
    assert errors == {(f"file:{tmp_path}/a.json", True), (f"file:{tmp_path}/none.json", False)}  # unchanged is no error
    by_name = next(
        span for span in spans if span["attributes"].get("url.path", "").startswith("/api/catalog/entities/by-name")
    )
    assert by_name["parent"] == "af7651916cd43dd8448eb211c80319c"
    assert by_name["attributes"]["http.response.status_code"] == 200
    assert named["GET /api/catalog/v1/why"]["attributes"]["http.route"] == "/api/catalog/v1/why"
