"""An organisation's colour can be read wherever it lands, and its logo can do nothing but show."""

from __future__ import annotations

import random
import re
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest

import callboard
from callboard.testing import make_portal
from callboard.ui.look.colours import DARK_GROUNDS, LIGHT_GROUNDS, contrast, palette_of, parse_colour
from callboard.ui.look.logos import MAX_BYTES, LogoRefused, read_logo

TOKENS = (Path(callboard.__file__).parent / "ui/static/css/tokens.css").read_text("utf-8")
PAIRS = {
    name: pair for name, *pair in re.findall(r"--c-([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", TOKENS)
}
SIMPLE = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><rect width="40" height="20" fill="#7a1fa2"/></svg>'
)


def png(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13)
        + b"IHDR"
        + header
        + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    )


def test_any_colour_can_be_read_in_both_themes() -> None:
    """Corners of the colour space and 300 within: 4.5 on every ground, on its own tint, and on a button."""
    dice = random.Random(7)
    corners = [f"#{r}{g}{b}" for r in ("00", "ff") for g in ("00", "ff") for b in ("00", "ff")]
    poor = []
    for colour in [*corners, "#808080", "#ffdd00", *(f"#{dice.randrange(1 << 24):06x}" for _ in range(300))]:
        palette = palette_of(colour)
        for at, theme, grounds in ((0, palette.light, LIGHT_GROUNDS), (1, palette.dark, DARK_GROUNDS)):
            pairs = [(theme.accent, ground) for ground in (*grounds, theme.tint)]
            pairs += [(theme.on_accent, theme.accent), (theme.on_accent, theme.strong)]
            pairs += [(PAIRS[ink][at], theme.tint) for ink in ("ink", "ink-2", "ink-3")]
            poor += [(colour, one, other) for one, other in pairs if contrast(one, other) < 4.5]
    assert poor == []


def test_grounds_are_those_of_the_style_sheet() -> None:
    """The palette is reckoned against the colours that pages have."""
    names = ("paper", "raised", "sunken", "hover")
    assert tuple(PAIRS[name][0] for name in names) == LIGHT_GROUNDS
    assert tuple(PAIRS[name][1] for name in names) == DARK_GROUNDS


def test_a_colour_that_can_be_read_already_stays_as_it_is() -> None:
    """Nobody's blue is changed without need."""
    assert palette_of("#7a1fa2").light.accent == "#7a1fa2"
    assert palette_of(PAIRS["accent"][0]).light.accent == PAIRS["accent"][0]


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("#7A1FA2", "#7a1fa2"),
        ("7a1fa2", "#7a1fa2"),
        (" #abc ", "#aabbcc"),
        ("red", None),
        ("#12345", None),
        ("#7a1fa2;}", None),
    ],
)
def test_colours_are_read_as_people_write_them(typed: str, read: str | None) -> None:
    """Three digits or six, with # or without; nothing that could end a declaration."""
    assert parse_colour(typed) == read


HOSTILE = {
    "script": "<script>alert(1)</script>",
    "handler": '<rect width="4" height="4" onload="alert(1)" onclick="alert(1)"/>',
    "other host": '<image href="http://evil.example/x.png"/><use href="http://evil.example/x.svg#a"/>',
    "xlink": '<a xlink:href="javascript:alert(1)"><rect width="1" height="1"/></a>',
    "html": '<foreignObject><body xmlns="http://www.w3.org/1999/xhtml"><img src="x" onerror="alert(1)"/></body></foreignObject>',
    "style": "<style>@import url(http://evil.example/x.css); .a{fill:url(http://evil.example/#x)}</style>",
    "paint": '<rect width="1" height="1" fill="url(http://evil.example/#x)" style="fill:u\\72l(//evil.example)"/>',
    "animation": '<set attributeName="href" to="javascript:alert(1)"/><animate attributeName="x" values="javascript:1"/>',
    "text": "<text>&lt;script&gt;alert(1)&lt;/script&gt;</text>",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_an_svg_keeps_nothing_but_its_drawing(name: str) -> None:
    """Scripts, handlers, references elsewhere and other languages are gone; the drawing around them is there."""
    text = SIMPLE.replace("<svg", '<svg xmlns:xlink="http://www.w3.org/1999/xlink" onload="alert(1)"').replace(
        "</svg>", HOSTILE[name] + "</svg>"
    )
    clean = read_logo(text.encode()).content.decode()
    assert '<rect width="40" height="20" fill="#7a1fa2">' in clean
    for mark in (
        "<script",
        "onload",
        "onclick",
        "onerror",
        "evil",
        "javascript",
        "foreignObject",
        "@import",
        "<image",
        "<set",
    ):
        assert mark not in clean
    assert read_logo(clean.encode()).content.decode() == clean


def test_colours_in_rules_for_classes_survive() -> None:
    """As drawing programs write them; a gradient of the same file is still used."""
    text = SIMPLE.replace(
        "<rect width",
        '<style>.a, .b{fill:#ff8800;stroke:url(#g)} rect{fill:red}</style><linearGradient id="g"><stop offset="1"/>'
        '</linearGradient><circle class="b" r="3"/><rect width',
    )
    clean = read_logo(text.encode()).content.decode()
    assert '<circle r="3" fill="#ff8800" stroke="url(#g)">' in clean
    assert '<linearGradient id="g"><stop offset="1">' in clean and 'viewBox="0 0 40 20"' in clean


BOMB = (
    '<!DOCTYPE svg [<!ENTITY a "'
    + "x" * 1000
    + '"><!ENTITY b "&a;&a;&a;">]>'
    + SIMPLE.replace("</svg>", "<text>&b;</text></svg>")
)
FILE = '<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + SIMPLE.replace("</svg>", "<text>&a;</text></svg>")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (BOMB.encode(), "entities"),
        (FILE.encode(), "entities"),
        (("<svg xmlns='http://www.w3.org/2000/svg'>" + "<g>" * 60 + "</g>" * 60 + "</svg>").encode(), "parts"),
        (("<svg xmlns='http://www.w3.org/2000/svg'>" + "<g/>" * 6000 + "</svg>").encode(), "parts"),
        (b"<svg><rect></svg>", "damaged"),
        (b"<html><svg></svg></html>", "other"),
        (b"GIF89a", "other"),
        (b"", "other"),
        (b"\x89PNG\r\n\x1a\n", "damaged"),
        (png(40_000, 40_000), "pixels"),
        (png(10, 10) + b"x" * MAX_BYTES, "large"),
    ],
)
def test_what_is_no_logo_is_refused(content: bytes, reason: str) -> None:
    """Each with what is wrong; a picture that would fill the memory of a browser is among them."""
    with pytest.raises(LogoRefused) as caught:
        read_logo(content)
    assert caught.value.reason == reason and caught.value.field == "logo"


@pytest.mark.anyio
async def test_the_settings_give_every_page_its_look(tmp_path: Path) -> None:
    """The accent's style sheet and the logo are on the page at the door, may be fetched by anybody, and are kept for good."""
    (tmp_path / "logo.svg").write_text(SIMPLE.replace("<rect", "<script>alert(1)</script><rect"))
    branding: dict[str, Any] = {"accent": "#F60", "logo": str(tmp_path / "logo.svg")}
    async with make_portal({"app": {"branding": branding}}) as portal, portal.client() as client:
        assert portal.settings.warnings == []
        page = (await client.get("/sign-in")).text
        assert 'href="/look/ff6600.css"' in page
        found = re.search(r'<img class="brand-logo" src="([^"]+)" alt="">', page)
        assert found is not None
        sheet, logo = await client.get("/look/ff6600.css"), await client.get(found[1])
        assert sheet.headers["content-type"].startswith("text/css") and "--c-accent: light-dark(#" in sheet.text
        assert logo.headers["content-type"] == "image/svg+xml" and "script" not in logo.text
        assert "sandbox" in logo.headers["content-security-policy"]
        assert "immutable" in logo.headers["cache-control"] and "immutable" in sheet.headers["cache-control"]
        for path in ("/look/red.css", "/look/ff6600", "/look/logo-0000000000000000.svg", "/look/..%2f..%2fx.css"):
            assert (await client.get(path)).status_code == 404


@pytest.mark.anyio
async def test_a_look_that_cannot_be_used_leaves_the_portal_its_own(tmp_path: Path) -> None:
    """A colour that is none and a file that is not there stop nothing."""
    branding = {"accent": "reddish", "logo": str(tmp_path / "nowhere.svg")}
    async with make_portal({"app": {"branding": branding}}) as portal, portal.client() as client:
        page = (await client.get("/sign-in")).text
        assert "/look/" not in page and "brand-paper" in page
