"""Imports point down, and features meet only at ``interface``. See docs/explanation/architecture.md."""

from __future__ import annotations

import pytest

from tests.architecture.source import ROOT, Import, imports, imports_of, modules

LAYERS = ["model", "kernel", "ui", "features", "integrations", "app", "cli"]  # low to high
FEATURES = [
    {"search"},
    {"catalog"},
    {"notifications"},
    {"announcements", "importing", "editing", "scaffolder", "techdocs", "scorecards", "flags"},
    {"ownership", "proposals"},
    {"experiments", "insights"},
    {"assistant"},
    {"home", "admin", "settings", "setup"},
]  # low to high; those on one line do not meet at all

# What stands beside the layers: may import anything, and nothing but tests, plugins and the named importers use it.
BESIDE = {"testing", "docs_reference", "__main__", "__init__"}

# (importer, imported) -> the decision record that says why. Prefixes of dotted names.
EXCEPTIONS: dict[tuple[str, str], str] = {}


def layer_of(module: str) -> str | None:
    """``kernel`` for ``callboard.kernel.web.routing``; None for the package itself and what stands beside the layers."""
    parts = module.split(".")
    if len(parts) == 1 or parts[1] in BESIDE:
        return None
    return "cli" if parts[1].startswith("cli") else parts[1]


def feature_of(module: str) -> str | None:
    parts = module.split(".")
    return parts[2] if len(parts) > 2 and parts[1] == "features" else None


def rank_of(feature: str) -> int:
    for rank, line in enumerate(FEATURES):
        if feature in line:
            return rank
    raise AssertionError(f"features/{feature} is not in FEATURES: say where it stands")


def is_exempt(i: Import) -> bool:
    return any(i.importer.startswith(a) and i.module.startswith(b) for a, b in EXCEPTIONS)


def layer_breach(i: Import) -> bool:
    above, below = layer_of(i.importer), layer_of(i.module)
    if above is None or below is None:
        return False
    return LAYERS.index(below) > LAYERS.index(above)


def feature_breach(i: Import) -> bool:
    """A feature is imported from outside other than by its interface, or from the same line or below."""
    target = feature_of(i.module)
    if target is None or layer_of(i.importer) not in ("features", "integrations"):
        return False
    source = feature_of(i.importer)
    if source == target:
        return False
    if i.module != f"callboard.features.{target}.interface" and not i.module.startswith(
        f"callboard.features.{target}.interface."
    ):
        return True
    return source is not None and rank_of(source) <= rank_of(target)


def test_every_part_of_the_package_has_its_place():
    """A new folder or module at the top is a decision: it goes into LAYERS, or beside them."""
    tops = {name.split(".")[1] for name in modules() if "." in name}
    tops = {"cli" if t.startswith("cli") else t for t in tops}
    assert tops <= set(LAYERS) | BESIDE


def test_imports_point_down():
    """No module imports from a layer above its own, not even inside a function."""
    assert [str(i) for i in imports() if layer_breach(i) and not is_exempt(i)] == []


def test_features_meet_only_at_interfaces():
    """From outside a feature nothing but its ``interface`` is imported, and only from above."""
    assert [str(i) for i in imports() if feature_breach(i) and not is_exempt(i)] == []


def test_integrations_do_not_know_each_other():
    """Each integration is a folder of its own; what two of them share stands below."""

    def integration(module: str) -> str | None:
        parts = module.split(".")
        return parts[2] if len(parts) > 2 and parts[1] == "integrations" else None

    crossing = [
        str(i)
        for i in imports()
        if (a := integration(i.importer)) and (b := integration(i.module)) and a != b and not is_exempt(i)
    ]
    assert crossing == []


def test_only_tests_and_plugins_use_testing():
    """What is made for tests never runs in a portal."""
    assert [
        str(i) for i in imports() if i.module.startswith("callboard.testing") and layer_of(i.importer) is not None
    ] == []


def test_every_exception_has_a_record():
    """An exception to these rules names the decision record that explains it."""
    missing = [record for record in EXCEPTIONS.values() if not (ROOT / "docs" / "decisions" / record).is_file()]
    assert missing == []


def test_every_exception_is_still_needed():
    """An exception that nothing uses any more is removed."""
    unused = [
        pair
        for pair in EXCEPTIONS
        if not any(
            (layer_breach(i) or feature_breach(i)) and i.importer.startswith(pair[0]) and i.module.startswith(pair[1])
            for i in imports()
        )
    ]
    assert unused == []


@pytest.mark.parametrize(
    ("importer", "module", "breach"),
    [
        ("callboard.model.refs", "callboard.kernel.errors", True),
        ("callboard.kernel.errors", "callboard.model.refs", False),
        ("callboard.features.catalog.rest", "callboard.app", True),
        ("callboard.cli_catalog", "callboard.app", False),
        ("callboard.integrations.github.plugin", "callboard.features.catalog.interface", False),
    ],
)
def test_the_layer_rule_itself(importer, module, breach):
    """The rule says yes and no where it should."""
    assert layer_breach(Import(ROOT, 1, importer, module)) is breach


@pytest.mark.parametrize(
    ("importer", "module", "breach"),
    [
        ("callboard.features.catalog.service", "callboard.features.search.interface", False),
        ("callboard.features.catalog.service", "callboard.features.search.store", True),
        ("callboard.features.search.service", "callboard.features.catalog.interface", True),
        ("callboard.features.flags.service", "callboard.features.techdocs.interface", True),
        ("callboard.features.catalog.rest.reads", "callboard.features.catalog.store", False),
        ("callboard.integrations.github.plugin", "callboard.features.catalog.store", True),
        ("callboard.app", "callboard.features.catalog.plugin", False),
    ],
)
def test_the_feature_rule_itself(importer, module, breach):
    """The rule says yes and no where it should."""
    assert feature_breach(Import(ROOT, 1, importer, module)) is breach


def test_imports_inside_functions_and_relative_ones_are_seen(tmp_path):
    """The walk finds every form of import."""
    path = tmp_path / "views.py"
    path.write_text(
        "from typing import TYPE_CHECKING\n"
        "from . import store\n"
        "if TYPE_CHECKING:\n    from callboard.app import Portal\n"
        "def f():\n    import callboard.cli\n    from ..search import interface\n"
    )
    known = frozenset({"callboard.features.catalog.store", "callboard.features.search.interface"})
    found = {i.module for i in imports_of(path, "callboard.features.catalog.views", known)}
    assert found == {
        "callboard.features.catalog.store",
        "callboard.app",
        "callboard.cli",
        "callboard.features.search.interface",
    }
