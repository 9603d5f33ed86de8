from __future__ import annotations

from pathlib import Path

import pytest
from multiedit.cli.main import main
from multiedit.tests.support.shell import SIZE, Ran, Shell
from PIL import Image, ImageDraw


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> Shell:
    """Runs a command, one word an argument or a line of words, in a folder with images."""
    monkeypatch.chdir(tmp_path)
    red, blue = Image.new("RGB", SIZE, (200, 30, 20)), Image.new("RGB", (260, 260), (10, 60, 220))
    red.save("red.png")
    blue.save("blue.jpg", quality=95)
    mask = Image.new("L", SIZE)
    ImageDraw.Draw(mask).rectangle((0, 0, 149, 219), fill=255)
    mask.save("left.png")
    Image.new("RGBA", SIZE).save("clear.png")
    Path("text.png").write_text("not a picture")

    def run(line: str, *words: str) -> Ran:
        code = main([*line.split(), *words])
        captured = capsysbinary.readouterr()
        return Ran(code, captured.out, captured.err.decode())

    return run
