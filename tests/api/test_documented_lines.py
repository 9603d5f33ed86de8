"""The examples of the README and docs/api.md against `multiedit serve`, and the tables of docs/api.md."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from multiedit.api.routes.table import ROUTES
from multiedit.pipelines.common.settings import ServerLimits
from multiedit.tests.support.documented import KEY, PAGES, examples, run
from PIL import Image

PAGE = PAGES[1].read_text("utf-8")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    environment = {**os.environ, "MULTIEDIT_API_KEYS": KEY}
    command = [sys.executable, "-m", "multiedit", "serve", "--port", "0"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdout is not None
        yield server.stdout.readline().split("listens at ")[1].split("/api")[0]
        server.terminate()
        assert server.wait(60) == 0 or os.name != "posix"  # elsewhere it is ended, not asked to end


@pytest.mark.parametrize(("language", "text"), examples(), ids=lambda part: part[:30])
def test_a_documented_example_returns_an_edited_image(
    address: str, language: str, text: str, tmp_path: Path
) -> None:
    for file in run(language, text, address, tmp_path):
        with Image.open(file) as image:
            assert image.format == file.suffix[1:].upper()
            assert image.width * image.height >= 600 * 400


def test_every_route_and_limit_has_a_row() -> None:
    for route in ROUTES:
        assert route.path in PAGE, route.path
    rows = dict(re.findall(r"^\| `MULTIEDIT_(\w+)` \| ([\d.]+) \|", PAGE, re.MULTILINE))
    documented = {name.lower(): float(value) for name, value in rows.items()}
    limits = {field.name: field.default for field in dataclasses.fields(ServerLimits)}
    assert documented | {"failure_seconds": 30.0} == limits
