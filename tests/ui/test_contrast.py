"""The colours meet WCAG 2.2 AA in both themes: 4.5 for text, 3 for the edges of controls."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

import callboard

TOKENS = (Path(callboard.__file__).parent / "ui/static/css/tokens.css").read_text("utf-8")
THEMES = ("light", "dark")
_PAIR = re.compile(r"--c-([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)")
_HUES = [float(h) for h in re.findall(r"\.hue-\d+ \{ --h: (\d+); \}", TOKENS)]

GROUNDS = ("paper", "raised", "sunken", "hover")
TEXTS = ("ink", "ink-2", "ink-3", "accent", "ok", "warn", "bad", "info", "unknown")
PAIRS = [(text, ground) for text in TEXTS for ground in GROUNDS]
PAIRS += [(s, f"{s}-tint") for s in ("accent", "ok", "warn", "bad", "info", "unknown")]
PAIRS += [(text, f"{s}-tint") for s in ("accent", "ok", "warn", "bad", "info", "unknown") for text in ("ink", "ink-2")]
PAIRS += [("ink-3", "accent-tint"), ("on-accent", "accent"), ("on-accent", "accent-strong"), ("paper", "ink")]
EDGES = [("line-strong", ground) for ground in ("paper", "raised", "sunken")]


def _tokens(theme: str) -> dict[str, str]:
    return {name: light if theme == "light" else dark for name, light, dark in _PAIR.findall(TOKENS)}


def _linear(hex_colour: str) -> tuple[float, ...]:
    values = [int(hex_colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return tuple(v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values)


def _oklch(lightness: float, chroma: float, hue: float) -> tuple[float, ...]:
    """Linear sRGB, clipped to what a screen shows. Source: CSS Color 4, the matrices of Oklab."""
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    l_ = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    m_ = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    s_ = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    rgb = (
        4.0767416621 * l_ - 3.3077115913 * m_ + 0.2309699292 * s_,
        -1.2684380046 * l_ + 2.6097574011 * m_ - 0.3413193965 * s_,
        -0.0041960863 * l_ - 0.7034186147 * m_ + 1.7076147010 * s_,
    )
    return tuple(min(1.0, max(0.0, v)) for v in rgb)


def _contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    lights = sorted(0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in (one, other))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def test_known_contrasts_come_out_right() -> None:
    """The reckoning itself, on values that WCAG names."""
    assert round(_contrast(_linear("#000000"), _linear("#ffffff")), 2) == 21.0
    assert round(_contrast(_linear("#777777"), _linear("#ffffff")), 2) == 4.48
    assert max(abs(x - y) for x, y in zip(_oklch(0.62796, 0.25768, 29.234), (1.0, 0.0, 0.0), strict=True)) < 0.001


@pytest.mark.parametrize("theme", THEMES)
def test_text_is_readable_on_every_ground(theme: str) -> None:
    """Each text colour on each ground that it may stand on."""
    tokens = _tokens(theme)
    poor = {(t, g): round(c, 2) for t, g in PAIRS if (c := _contrast(_linear(tokens[t]), _linear(tokens[g]))) < 4.5}
    assert poor == {}


@pytest.mark.parametrize("theme", THEMES)
def test_edges_of_controls_can_be_seen(theme: str) -> None:
    """Borders that tell an input or a box from its ground."""
    tokens = _tokens(theme)
    poor = {(t, g): round(c, 2) for t, g in EDGES if (c := _contrast(_linear(tokens[t]), _linear(tokens[g]))) < 3}
    assert poor == {}


@pytest.mark.parametrize("theme", THEMES)
def test_marks_of_kinds_are_readable_in_every_hue(theme: str) -> None:
    """The ink of each hue on its own tint: initials are text."""
    lines = re.findall(
        r"--h-(ink|tint): light-dark\(oklch\(([\d.]+) ([\d.]+) var\(--h\)\), oklch\(([\d.]+) ([\d.]+) var\(--h\)\)\)",
        TOKENS,
    )
    assert len(_HUES) == 12 and len(lines) == 2
    values = {
        name: (float(v[0]), float(v[1])) if theme == "light" else (float(v[2]), float(v[3])) for name, *v in lines
    }
    poor = [h for h in _HUES if _contrast(_oklch(*values["ink"], h), _oklch(*values["tint"], h)) < 4.5]
    assert poor == []
