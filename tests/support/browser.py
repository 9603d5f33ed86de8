"""ComfyUI's page in Debian's headless Chromium, driven by Playwright."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multiedit.tests.support.comfyui import Run, Server
    from playwright.sync_api import Page

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
_TIMEOUT_MS = 60_000
# ComfyUI opens a graph of its own first, which would replace one that comes too early.
_READY = "window.app?.graph?.nodes.length && !document.querySelector('#splash-loader')"
# Files of the user that need not be there, and models of that first graph, looked for on the internet.
_COMFYUIS_OWN = ("the server responded with a status of 404", "Content Security Policy")
_PACKS_PATHS = ("/extensions/", "/workflow_templates/")


def missing() -> str | None:
    """What the tests in a browser lack, as a reason to skip."""
    if shutil.which("chromium") is None:
        return "no chromium on this machine (Debian: apt-get install chromium)"
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return 'no playwright in this Python (pip install -e ".[dev]")'
    return None


@contextmanager
def chromium(*flags: str) -> Iterator[Any]:
    """A fresh headless Chromium with a profile of its own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=[*FLAGS, *flags])
        yield browser
        browser.close()


NEW_WORKFLOW = """
  // The page may drop the command's own promise; then the empty workflow itself shows that it is done.
  const pathOf = () => app.extensionManager.workflow.activeWorkflow?.path
  const [opened, blank] = [pathOf(), {ready: false}]
  const seen = async () => {
    for (let calm = 0; calm < 20 && !blank.ready;) {
      await new Promise(done => setTimeout(done, 100))
      calm = pathOf() !== opened && app.graph.nodes.length === 0 ? calm + 1 : 0
    }
  }
  await Promise.race([app.extensionManager.command.execute('Comfy.NewBlankWorkflow'), seen()])
  blank.ready = true
"""
"""JavaScript in an async function of the page: opens an empty workflow."""


_BEGIN = """
argument => {
  const kept = window.multiEditKept = {}
  kept.promise = (SCRIPT)(argument).then(value => ({value}), error => ({error: String(error)}))
    .then(done => { kept.done = done })
}
"""


def run_kept(page: Any, script: str, argument: Any = None) -> Any:
    """What an async function of the page gives; the page holds its promise, or that may be collected."""
    page.evaluate(_BEGIN.replace("SCRIPT", script), argument)
    done = page.wait_for_function("window.multiEditKept.done", timeout=5 * _TIMEOUT_MS).json_value()
    if "error" in done:
        raise RuntimeError(done["error"])
    return done.get("value")


class Canvas:
    """One page of ComfyUI, what it complained about since it was opened, and images that it did not get."""

    def __init__(self, browser: Any, url: str) -> None:
        self.complaints: list[str] = []
        self.images_missing: list[str] = []
        self.page: Page = browser.new_page(viewport={"width": 1600, "height": 1000})
        self.page.set_default_timeout(_TIMEOUT_MS)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._listen)
        self.page.on("response", self._watch)
        self.page.goto(url)
        self.page.wait_for_function(_READY)

    def _listen(self, message: Any) -> None:
        if message.type == "error" and not any(text in message.text for text in _COMFYUIS_OWN):
            self.complaints.append(f"{message.text} ({message.location.get('url')})")

    def _watch(self, response: Any) -> None:
        if response.status >= 400 and any(path in response.url for path in _PACKS_PATHS):
            self.complaints.append(f"{response.status} {response.url}")
        if response.status >= 400 and "/view?" in response.url:
            self.images_missing.append(response.url)

    def graph(self) -> dict[str, Any]:
        """The graph on the canvas as a UI-format workflow."""
        return json.loads(self.page.evaluate("JSON.stringify(app.graph.serialize())"))

    def prompt(self) -> dict[str, Any]:
        """The graph on the canvas in API format, as the Run button sends it."""
        return self.page.evaluate("async () => (await app.graphToPrompt()).output")

    def choose_template(self, pack: str, name: str) -> None:
        """Open a template as a user does: the sidebar, the pack, the card."""
        self.page.get_by_role("button", name="Templates").first.click()
        self.page.get_by_text(pack, exact=True).last.click()
        self.page.get_by_text(name, exact=True).click()

    def press_run(self, server: Server) -> Run:
        """Press the Run button and wait until what it queued has ended."""
        before = set(server.json("/history"))
        self.page.get_by_test_id("queue-button").click()
        return server.next_run(before)

    def screenshot(self) -> bytes:
        """The graph alone, in view as a whole and redrawn."""
        self.page.evaluate("app.extensionManager.command.execute('Comfy.Canvas.FitView')")
        self.page.wait_for_timeout(1500)
        self.page.evaluate("app.canvas.setDirty(true, true)")
        self.page.wait_for_timeout(500)
        return self.page.screenshot()
