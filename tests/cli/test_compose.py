from __future__ import annotations

import pytest
from multiedit.tests.support.shell import BLUE, RED, Shell, pixel, write_document


def test_a_document_is_composited(shell: Shell) -> None:
    write_document()
    ran = shell("compose doc.json -o out.png --json")
    assert ran.json.keys() == {"output", "media_type", "bytes", "safety", "dropped_metadata"}
    assert ran.json["safety"]["label"] == "sfw"
    assert pixel("out.png", (75, 110)) == RED  # a layer's mask is white where the layer is transparent
    assert pixel("out.png", (225, 110)) == pytest.approx(BLUE, abs=3)
    assert shell("compose doc.json --no-safe-mode -o out").err == "out: image/png\nsafe mode: off\n"
