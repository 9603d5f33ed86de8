from __future__ import annotations

import io
import json
import os
import subprocess
import time
from argparse import Namespace
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from multiedit.cli import output
from multiedit.pipelines.common.errors import OutputError
from multiedit.pipelines.editing.output import EncodedImage
from multiedit.pipelines.safety.report import off_report
from multiedit.tests.support.packs import pack
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
        deadline = time.monotonic() + 30
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


SINGLE = EncodedImage(b"first", "image/png", off_report(), ())
PACKED = pack(SINGLE, replace(SINGLE, data=b"second"))


def _written(path: Path, **options: object) -> None:
    plain = {"json": False, "file_quality": None, "lossless": False, "matte": None}
    output.write_result(Namespace(output=str(path), **{**plain, **options}), PACKED, ["two"], {"bytes": 0})


def test_each_of_several_results_has_a_file_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _written(tmp_path / "out.png", matte="#ffffff")
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert files == {"out-1.png": b"first", "out-2.png": b"second"}
    said = capsys.readouterr().err
    assert f"{tmp_path / 'out-1.png'}, {tmp_path / 'out-2.png'}: two" in said
    assert "--matte has no effect: a png keeps its transparency." in said


def test_json_names_each_of_several_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _written(tmp_path / "out.png", json=True)
    shown = json.loads(capsys.readouterr().out)
    names = [str(tmp_path / name) for name in ("out-1.png", "out-2.png")]
    assert shown == {"output": names[0], "outputs": names, "media_type": "image/png", "bytes": 11}


def test_of_several_files_all_are_written_or_none(tmp_path: Path) -> None:
    (tmp_path / "out-1.png").write_bytes(b"old")
    (tmp_path / "out-2.png").mkdir()
    with pytest.raises(OutputError, match=r"out-2\.png"):
        _written(tmp_path / "out.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out-1.png", "out-2.png"]
    assert (tmp_path / "out-1.png").read_bytes() == b"old"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("-o -", 2, "--batch-size is 2, and - takes one image. Name a file: of -o out.png"),
        pytest.param("-o /dev/null", 2, "--batch-size is 2, and /dev/null takes one image.", marks=posix),
        ("-o out.png", 7, "out-2.png is a folder."),
    ],
)
def test_several_results_without_files_for_them_are_refused_before_any_work(
    shell: Shell, words: str, code: int, said: str
) -> None:
    Path("out-2.png").mkdir()
    ran = shell(f"edit --image missing.png --prompt p --comfyui http://127.0.0.1:9 --batch-size 2 {words}")
    assert (ran.code, said in ran.err) == (code, True), ran.err
