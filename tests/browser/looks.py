"""The ways in which each page is looked at, and what must hold in all of them."""

from __future__ import annotations

from typing import Any, Mapping

LOOKS: Mapping[str, Mapping[str, Any]] = {
    "light": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light", "has_touch": True},
}
COLOURS = ["color-contrast", "link-in-text-block"]
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


class Watched:
    """A page whose console is listened to."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _heard(self, message: Any) -> None:
        # the browser itself writes of answers such as 404, which are meant to be
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    def check(self, axe_source: str, look: str = "light") -> None:
        """axe finds nothing against WCAG 2.2 AA, nothing overflows sideways, and the content policy had nothing to refuse."""
        page = self.page
        page.evaluate(axe_source)
        # in the dark the same elements stand at the same places: colours are what can go wrong
        wanted = {"type": "rule", "values": COLOURS} if look == "dark" else {"type": "tag", "values": WCAG}
        found = page.evaluate(
            "wanted => axe.run(document, {runOnly: wanted, resultTypes: ['violations']}).then(r => r.violations)", wanted
        )
        told = [(v["id"], [n["html"][:160] + " " + n["failureSummary"][:300] for n in v["nodes"][:3]]) for v in found]
        sideways = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert told == []
        assert sideways <= 0, f"{page.url} is {sideways} px too wide"
        assert self.complaints == []
