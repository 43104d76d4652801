"""Settings of forms."""

from __future__ import annotations

from callboard.kernel.settings import Setting

SETTINGS = (
    Setting("scaffolder.featureFlags", "list", (), None, "Names of feature flags that are on: pages and fields of templates that name one with backstage:featureFlag are shown only then."),
)  # fmt: skip
