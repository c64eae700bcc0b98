"""Inspect pages on common screens: axe violations, and content wider than the screen."""

from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

DESKTOP = {"width": 1280, "height": 800, "deviceScaleFactor": 1, "mobile": False}
PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
REFERENCE = "/api/v1/docs/"
AXE = Axe().axe_script
# To read imported style sheets axe would add inline ones, which the policy forbids.
OPTIONS = {"preload": False, "resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
# Returning all results takes longer than the check.
VIOLATIONS = "(options) => axe.run(document, options).then((results) => results.violations)"
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
SHOWN = """
new Promise((shown) => requestAnimationFrame(() => requestAnimationFrame(shown)))
  .then(() => Promise.all(document.getAnimations().map((animation) => animation.finished)))
"""


class Inspection:
    """Opens each page once in a scheme and looks at it on every screen.

    Pages open on either screen in turn, those of the dark scheme on the other one.
    """

    def __init__(self, page: Page, scheme: Scheme) -> None:
        page.emulate_media(color_scheme=scheme)
        self.page = page
        self.faults: list[str] = []
        self.screens = [DESKTOP, PHONE] if scheme == "light" else [PHONE, DESKTOP]
        # The emulation lasts as long as this session.
        self.devtools = page.context.new_cdp_session(page)
        self._show_on(self.screens[0])

    def open(self, *paths: str) -> None:
        for path in paths:
            self.page.goto(path)
            if path == REFERENCE:
                expect(self.page.locator("#swagger-ui .opblock").first).to_be_visible()
            self.page.evaluate(AXE)
            self._look(path)
            self.screens.reverse()
            self._show_on(self.screens[0])
            self._look(path)

    def check(self) -> None:
        assert not self.faults, "\n".join(self.faults)

    def _show_on(self, screen: dict[str, Any]) -> None:
        self.devtools.send("Emulation.setDeviceMetricsOverride", screen)
        self.devtools.send("Emulation.setTouchEmulationEnabled", {"enabled": screen["mobile"]})

    def _look(self, path: str) -> None:
        self.page.evaluate(SHOWN)
        where = f"{path} at {self.screens[0]['width']} pixels"
        wider = self.page.evaluate(WIDER)
        if wider > 0:
            self.faults.append(f"{where} is {wider} pixels wider than the screen")
        for violation in self.page.evaluate(VIOLATIONS, OPTIONS):
            nodes = "; ".join(node["html"][:150] for node in violation["nodes"][:3])
            self.faults.append(f"{where} {violation['id']}: {violation['help']} ({nodes})")
