"""An accent colour made fit to be read: whatever an organisation's colour is, text in it keeps WCAG 2.2 AA in both themes.

The hue is kept; lightness moves until each contrast holds. Colours are ``#rrggbb`` outside, Oklch (lightness 0 to 1, chroma,
hue in degrees) inside. Sources: CSS Color 4 (matrices of Oklab), WCAG 2.2 (relative luminance, contrast).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Sequence

AA = 4.55
"""Contrast of text, 4.5, and a little for rounding."""
_STEP = 0.005
_COLOUR = re.compile(r"#?([0-9a-fA-F]{6}|[0-9a-fA-F]{3})")
# Of css/tokens.css; tests hold the two together.
LIGHT_GROUNDS = ("#fbfaf7", "#ffffff", "#f4f2ec", "#f1eee6")
DARK_GROUNDS = ("#181714", "#201f1b", "#131210", "#272520")
LIGHT_INK, DARK_INK = "#676256", "#a09a8c"
"""The faintest ink that stands on a tint."""

Lch = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Accent:
    """The four colours of one theme: text and buttons, the same pressed, a ground, and text on a button."""

    accent: str
    strong: str
    tint: str
    on_accent: str


@dataclass(frozen=True, slots=True)
class Palette:
    """What one colour becomes in both themes."""

    light: Accent
    dark: Accent

    def css(self) -> str:
        """A style sheet that puts these in place of the portal's own accent."""
        pairs = (
            ("accent", self.light.accent, self.dark.accent),
            ("accent-strong", self.light.strong, self.dark.strong),
            ("accent-tint", self.light.tint, self.dark.tint),
            ("on-accent", self.light.on_accent, self.dark.on_accent),
        )
        lines = "".join(f"  --c-{name}: light-dark({light}, {dark});\n" for name, light, dark in pairs)
        return f"@layer tokens {{ :root {{\n{lines}}} }}\n"


def parse_colour(text: str) -> str | None:
    """``#rrggbb`` in lower case for ``#rgb``, ``#rrggbb`` or the same without ``#``; None for anything else."""
    found = _COLOUR.fullmatch(text.strip())
    if found is None:
        return None
    digits = found[1].lower()
    return "#" + ("".join(digit * 2 for digit in digits) if len(digits) == 3 else digits)


def contrast(one: str, other: str) -> float:
    """Of two ``#rrggbb``: 1 to 21."""
    lights = sorted((_luminance(one), _luminance(other)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def palette_of(colour: str) -> Palette:
    """The palette of a ``#rrggbb``."""
    lightness, chroma, hue = _lch(colour)
    return Palette(_light(lightness, chroma, hue), _dark(lightness, chroma, hue))


def _light(lightness: float, chroma: float, hue: float) -> Accent:
    tint = _move((0.945, min(chroma, 0.022), hue), _STEP, [(LIGHT_INK, AA)])
    grounds = [(ground, AA) for ground in (*LIGHT_GROUNDS, tint)]
    accent = _move((min(lightness, 0.62), min(chroma, 0.2), hue), -_STEP, grounds)
    level, _, _ = _lch(accent)
    strong = _hex((max(level - 0.06, 0.05), min(chroma, 0.18), hue))
    return Accent(accent, strong, tint, "#ffffff")


def _dark(lightness: float, chroma: float, hue: float) -> Accent:
    tint = _move((0.285, min(chroma, 0.045), hue), -_STEP, [(DARK_INK, AA)])
    on_accent = _hex((0.2, min(chroma, 0.035), hue))
    grounds = [(ground, AA) for ground in (*DARK_GROUNDS, tint, on_accent)]
    accent = _move((max(lightness, 0.76), min(chroma, 0.12), hue), _STEP, grounds)
    level, _, _ = _lch(accent)
    strong = _hex((min(level + 0.06, 0.97), min(chroma, 0.09), hue))
    return Accent(accent, strong, tint, on_accent)


def _move(start: Lch, step: float, needed: Sequence[tuple[str, float]]) -> str:
    """The first colour on the way from ``start`` to white or black that has each contrast ``needed``."""
    lightness, chroma, hue = start
    while True:
        colour = _hex((lightness, chroma, hue))
        if all(contrast(colour, other) >= least for other, least in needed) or not 0 < lightness < 1:
            return colour
        lightness += step


def _luminance(colour: str) -> float:
    red, green, blue = _linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return _to_linear(red), _to_linear(green), _to_linear(blue)


def _to_linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else math.pow((value + 0.055) / 1.055, 2.4)


def _lch(colour: str) -> Lch:
    red, green, blue = _linear(colour)
    long = math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
    middle = math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
    short = math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    a = 1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short
    b = 0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short
    lightness = 0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short
    chroma = math.hypot(a, b)
    return lightness, chroma if chroma > 0.002 else 0.0, math.degrees(math.atan2(b, a)) % 360


def _hex(lch: Lch) -> str:
    """The colour of a screen: where it cannot show so much chroma, less of it."""
    lightness, chroma, hue = lch
    while True:
        rgb = _rgb(lightness, chroma, hue)
        if chroma <= 0 or all(-0.0005 <= value <= 1.0005 for value in rgb):
            return "#" + "".join(f"{round(255 * _to_srgb(min(1.0, max(0.0, value)))):02x}" for value in rgb)
        chroma = max(0.0, chroma - 0.004)


def _rgb(lightness: float, chroma: float, hue: float) -> tuple[float, float, float]:
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
    )


def _to_srgb(value: float) -> float:
    return value * 12.92 if value <= 0.0031308 else 1.055 * math.pow(value, 1 / 2.4) - 0.055
