from __future__ import annotations

import io
import os
import subprocess
import time
from argparse import Namespace
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from multiedit.cli import output
from multiedit.pipelines.editing.archive import pack
from multiedit.pipelines.editing.output import EncodedImage
from multiedit.pipelines.safety.report import off_report
from multiedit.tests.support.shell import EXAMPLES, KEEP, MULTIEDIT, SIZE, Shell, open_image
from PIL import Image


@pytest.mark.parametrize(("seconds", "shown"), [(0.0, True), (60.0, False)])
def test_a_terminal_shows_a_bar_for_long_work(
    monkeypatch: pytest.MonkeyPatch, seconds: float, shown: bool
) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stderr", terminal)
    with output.progress_bar(Namespace(json=False), delay=seconds, refresh=0.02) as stage:
        stage("edit", 0.5)
        # tqdm draws at most ten times a second; this draw is the ticker's.
        deadline = time.monotonic() + 5
        while shown and "edit" not in terminal.getvalue() and time.monotonic() < deadline:
            time.sleep(0.02)
    assert ("edit" in terminal.getvalue()) is shown
    assert shown or terminal.getvalue() == ""


posix = pytest.mark.skipif(os.name != "posix", reason="needs files of POSIX")


@posix
def test_a_link_is_written_through(shell: Shell) -> None:
    Path("link.png").symlink_to("target.png")
    assert shell(KEEP + "-o link.png").code == 0
    assert Path("link.png").is_symlink()
    assert open_image("target.png").size == SIZE


@posix
def test_a_link_into_no_folder_is_reported_before_any_image_is_read(shell: Shell) -> None:
    Path("link.png").symlink_to("nowhere/target.png")
    ran = shell("edit --image missing.png --prompt p -o link.png")
    assert (ran.code, "nowhere does not exist" in ran.err) == (7, True)


@posix
def test_a_pipe_takes_the_image(shell: Shell) -> None:
    os.mkfifo("pipe.jpg")
    with ThreadPoolExecutor() as pool:
        read = pool.submit(Path("pipe.jpg").read_bytes)
        assert shell(KEEP + "-o pipe.jpg").code == 0
        assert Image.open(io.BytesIO(read.result(10))).format == "JPEG"
    assert Path("pipe.jpg").is_fifo()


@posix
def test_a_device_takes_the_image(shell: Shell) -> None:
    assert shell(KEEP + "-o /dev/null").code == 0
    assert Path("/dev/null").is_char_device()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_device_is_an_error(shell: Shell) -> None:
    ran = shell(KEEP + "-o /dev/full")
    assert (ran.code, ran.err) == (
        7, "multiedit: /dev/full cannot be written: No space left on device. Name another output.\n",
    )  # fmt: skip


@pytest.mark.skipif(not os.path.exists("/dev/stdout"), reason="needs /dev/stdout")
@pytest.mark.parametrize("to", [subprocess.PIPE, "file"])
def test_dev_stdout_is_standard_output(tmp_path: Path, to: object) -> None:
    """Starts Python with torch, which takes seconds."""
    words = ["edit", "--image", str(EXAMPLES / "coffee.jpg"), "--prompt", "p", "--no-safe-mode"]
    with (tmp_path / "out").open("wb") as file:
        stdout = file if to == "file" else subprocess.PIPE
        done = subprocess.run([*MULTIEDIT, *words, "-o", "/dev/stdout"], stdout=stdout, check=True)
    data = (tmp_path / "out").read_bytes() if to == "file" else done.stdout
    assert Image.open(io.BytesIO(data)).format == "PNG"
    assert len(list(tmp_path.iterdir())) == 1


def test_each_of_several_results_has_a_file_of_its_own(tmp_path: Path) -> None:
    single = EncodedImage(b"first", "image/png", off_report(), ())
    options = Namespace(
        output=str(tmp_path / "out.png"), json=False, file_quality=None, lossless=False, matte=None
    )
    output.write_result(options, pack([single, replace(single, data=b"second")]), ["two"], {})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "out-1.png": b"first",
        "out-2.png": b"second",
    }
