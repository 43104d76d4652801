"""What workers do, by name."""

from __future__ import annotations

import time
from typing import Any, Callable, Mapping

from callboard.features.techdocs.interface import Problem
from callboard.features.techdocs.rendering import (
    MemoryFiles,
    RenderedPage,
    RenderTask,
    SiteDefaults,
    SiteModel,
)
from callboard.features.techdocs.rendering.render import run_task
from callboard.features.techdocs.rendering.site import check_site, read_site


def site(files: Mapping[str, bytes], defaults: SiteDefaults) -> SiteModel:
    return read_site(MemoryFiles(files), defaults)


def page(task: RenderTask) -> RenderedPage:
    return run_task(task)


def check(model: SiteModel, files: Mapping[str, bytes]) -> tuple[Problem, ...]:
    return tuple(check_site(model, MemoryFiles(files)))


def sleep(seconds: float) -> None:
    """Nothing for a while: by it a limit of time is tried."""
    time.sleep(seconds)


FUNCTIONS: dict[str, Callable[..., Any]] = {"site": site, "page": page, "check": check, "sleep": sleep}
