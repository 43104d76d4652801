"""The ways in which each page is looked at, and what must hold in all of them."""

from __future__ import annotations

from typing import Any, Mapping

from playwright.sync_api import Error as PlaywrightError

# without motion: a colour on its way from one theme to the other is neither
LOOKS: Mapping[str, Mapping[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light", "reduced_motion": "reduce"},
    "phone": {
        "viewport": {"width": 390, "height": 844}, "color_scheme": "light", "reduced_motion": "reduce", "has_touch": True,
    },
}  # fmt: skip
WCAG = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}


class Watched:
    """A page whose console is listened to."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", self._heard)
        page.on("pageerror", self._failed)

    def _failed(self, error: Any) -> None:
        self.complaints.append(str(error))

    def _heard(self, message: Any) -> None:
        # the browser itself writes of answers such as 404, which are meant to be
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    def check(self, axe_source: str | None, look: str = "desktop") -> None:
        """axe finds nothing against WCAG 2.2 AA, nothing overflows sideways, and the content policy had nothing to refuse.

        ``axe_source`` is None where axe is in the page already. In the dark the same elements stand at the same places; there the colours are looked at, once for each page.
        """
        page = self.page
        if axe_source is not None:
            page.evaluate(axe_source)
        told = self._violations(WCAG)
        if look == "desktop":
            page.emulate_media(color_scheme="dark")
            told += [("dark", *found) for found in self._violations(COLOURS)]
            page.emulate_media(color_scheme="light")
        sideways = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert told == [], told
        assert sideways <= 0, f"{page.url} is {sideways} px too wide"
        assert self.complaints == [], self.complaints

    def leave(self) -> None:
        """Leave the page as a new one would be, for whoever gets it next."""
        self.page.goto("about:blank")
        self.page.remove_listener("console", self._heard)
        self.page.remove_listener("pageerror", self._failed)

    def _violations(self, rules: Mapping[str, Any]) -> list[Any]:
        ask = "rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']}).then(r => r.violations)"
        self.page.wait_for_load_state("load")
        try:
            found = self.page.evaluate(ask, rules)
        except PlaywrightError as error:
            # A click on a busy machine: the page that it leads to came while the one before was being looked at.
            if not any(sign in str(error) for sign in ("of null", "context was destroyed", "axe is not defined")):
                raise
            self.page.wait_for_load_state("load")
            found = self.page.evaluate(ask, rules)
        return [(v["id"], [n["html"][:160] + " " + n["failureSummary"][:300] for n in v["nodes"][:3]]) for v in found]
