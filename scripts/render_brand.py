"""Render the registry's icon and banner, SVG to PNG: `python scripts/render_brand.py`, with Chromium."""

from __future__ import annotations

import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

FOLDER = Path(__file__).parents[1] / "docs/images/brand"
SIZES = {"icon": (400, 400), "banner": (1260, 540)}  # the registry wants at most 400x400, and 21:9


def main() -> None:
    """Write a PNG beside each SVG."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, (width, height) in SIZES.items():
            page = browser.new_page(viewport={"width": width, "height": height})
            drawing = (FOLDER / f"{name}.svg").read_text("utf-8")
            page.set_content(f"<body style='margin:0;line-height:0'>{drawing}</body>")
            page.screenshot(path=FOLDER / f"{name}.png", omit_background=True)
        browser.close()


if __name__ == "__main__":
    main()
