"""A browser: a page that calls the API with fetch, and the documentation page."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from multiedit.tests.support import browser as chromium_browser
from multiedit.tests.support.api_server import KEY, ApiServer, png
from multiedit.tests.support.pictures import PictureServer

FETCH = """
async ([address, key, data]) => {
  const bytes = Uint8Array.from(atob(data), letter => letter.charCodeAt(0));
  const form = new FormData();
  form.append("prompt", "p");
  form.append("safe_mode", "false");
  form.append("images", new Blob([bytes], {type: "image/png"}), "a.png");
  const response = await fetch(address + "/api/v1/image/multi-edit",
    {method: "POST", body: form, headers: {Authorization: "Bearer " + key}});
  const bitmap = response.ok ? await createImageBitmap(await response.blob()) : {width: 0};
  return [response.status, bitmap.width, response.headers.get("x-venice-model-id")];
}
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if reason := chromium_browser.missing():
        pytest.skip(reason)
    with chromium_browser.chromium() as opened:
        yield opened


@pytest.mark.parametrize(
    ("key", "response"), [(KEY, [200, 300, "layer-composite"]), ("wrong", [401, 0, None])]
)
def test_a_page_of_another_origin_edits_an_image(
    browser: Any, api: ApiServer, key: str, response: list[Any]
) -> None:
    with PictureServer() as pages:
        page = browser.new_page()
        page.goto(pages.address("SOURCES.md"))
        image = base64.b64encode(png(size=(300, 300))).decode()
        assert page.evaluate(FETCH, [api.url, key, image]) == response
        page.close()


def test_the_documentation_works_without_the_internet(browser: Any, api: ApiServer) -> None:
    page = browser.new_page()
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.goto(f"{api.url}/v1/docs")
    assert page.get_by_text("POST /v1/image/multi-edit").count() == 1
    assert page.locator("#DetailedError").count() == 1
    assert [url for url in requested if not url.startswith(api.url)] == []
    page.close()
