"""The shell face: mostly `main` in this process, and real processes where streams and signals matter."""

from __future__ import annotations

import dataclasses
import hashlib
import http.server
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from multiedit.cli import commands, output
from multiedit.cli.main import main
from multiedit.pipelines.catalog.lookup import load_catalog
from multiedit.pipelines.common import errors
from multiedit.pipelines.safety.classifiers import loader, specs
from multiedit.tests.support.classifiers import StandIn, fixed
from PIL import Image, ImageDraw

EXAMPLES = Path(__file__).resolve().parents[2] / "samples"
SIZE = (300, 220)
MULTIEDIT = [sys.executable, "-m", "multiedit"]


@dataclasses.dataclass(frozen=True)
class Ran:
    code: int
    out: bytes
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))

    def plan(self) -> Any:
        return self.json["plan"]


Shell = Callable[..., Ran]


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> Shell:
    """Runs a command, one word an argument or a line of words, in a folder with pictures."""
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


def _picture(path: str) -> Image.Image:
    return Image.open(io.BytesIO(Path(path).read_bytes()))


def _pixel(path: str, at: tuple[int, int] = (75, 110)) -> Any:
    return _picture(path).convert("RGB").getpixel(at)


def _files() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path().iterdir()}


RED, BLUE = (200, 30, 20), (10, 60, 220)
EDIT = "edit --image red.png --prompt p --no-safe-mode "
KEEP = EDIT + "--keep-size "


def test_three_pictures_are_edited_with_inferred_roles(shell: Shell) -> None:
    ran = shell(KEEP + "--image blue.jpg --image left.png --place 2=fit=cover,opacity=1.0 -o out.png --json")
    assert ran.code == 0
    assert ran.err == ""
    assert ran.plan()["roles"] == ["base", "overlay", "mask"]
    assert _pixel("out.png", (200, 110)) == RED
    assert _pixel("out.png", (75, 110)) == pytest.approx(BLUE, abs=3)


def test_given_roles_and_placements_reach_the_plan(shell: Shell) -> None:
    ran = shell(
        KEEP
        + "--image left.png --image blue.jpg --role 2=overlay --role 3=overlay -o out.webp --json --seed 7 "
        "--place 2=anchor=top-left,scale=0.5,offset_x=-2.5,flip_h=true,blend_mode=soft-light "
        "--place 3=seamless=true"
    )
    plan = ran.plan()
    assert plan["roles"] == ["base", "overlay", "overlay"]
    assert plan["seed"] == 7
    placed = {
        "anchor": "top-left",
        "scale": 0.5,
        "offset_x": -2.5,
        "flip_h": True,
        "blend_mode": "soft-light",
    }
    assert placed.items() <= plan["placements"]["2"].items()
    assert plan["placements"]["3"]["seamless"] is True


def test_every_option_of_an_edit_reaches_the_plan(shell: Shell) -> None:
    ran = shell(
        "edit --image red.png --prompt words --model layer-composite --aspect-ratio 16:9 --resolution 1K "
        "--output-format webp --quality high --explain"
    )
    plan = ran.json
    asked = {
        "prompt": "words", "model": "layer-composite", "aspect_ratio": "16:9", "resolution": "1K",
        "output_format": "webp", "safe_mode": True,
    }  # fmt: skip
    assert asked.items() <= plan.items()
    assert "quality 'high' is dropped: layer-composite has no qualities." in plan["notes"]


def test_explain_prints_the_plan_and_writes_nothing(shell: Shell) -> None:
    before = _files()
    explained = shell(KEEP + "--image blue.jpg --explain -o out.jpg")
    assert _files() == before
    assert explained.code == 0
    assert explained.json == shell(KEEP + "--image blue.jpg -o out.jpg --json").plan()


def test_json_says_what_was_written(shell: Shell) -> None:
    told = shell(KEEP + "-o out.jpg --json").json
    keys = {"output", "media_type", "bytes", "plan", "safety", "dropped_metadata", "told", "seconds"}
    assert told.keys() == keys
    assert (told["output"], told["media_type"]) == ("out.jpg", "image/jpeg")
    assert told["bytes"] == Path("out.jpg").stat().st_size
    assert told["safety"]["status"] == "off"


def test_a_person_is_told_on_standard_error(shell: Shell) -> None:
    ran = shell(KEEP + "-o out.jpg")
    assert ran.out == b""
    assert ran.err.startswith("out.jpg: 300x220 jpeg, layer-composite\n  modelId is not given")
    assert ran.err.endswith("safe mode: off\n")


@pytest.mark.parametrize(
    ("words", "output", "expected"),
    [
        ("", "out.png", "PNG"),
        ("", "out.JPG", "JPEG"),
        ("", "out.jpeg", "JPEG"),
        ("", "out.webp", "WEBP"),
        ("", "out", "PNG"),
        ("--resolution 2K", "out", "JPEG"),
        ("--output-format jpg", "out", "JPEG"),
        ("--output-format webp", "out.png", "WEBP"),
        ("--output-format png", "out.new", "PNG"),
        ("--output-format webp --lossless", "out", "WEBP"),
    ],
)
def test_the_format_is_the_asked_one_else_the_endings_else_the_tiers(
    shell: Shell, words: str, output: str, expected: str
) -> None:
    assert shell(KEEP + f"{words} -o {output}").code == 0
    assert _picture(output).format == expected


def test_encoder_options_reach_the_file(shell: Shell) -> None:
    lossless, low, high = (
        shell(KEEP + f"--image blue.jpg -o out.webp --json {words}").json["bytes"]
        for words in ("--lossless", "--file-quality 5", "--file-quality 100")
    )
    assert low < high
    assert lossless not in (low, high)
    assert (
        shell("edit --image clear.png --prompt p --no-safe-mode --matte #00FF00 -o out.jpg --keep-size").code
        == 0
    )
    assert _pixel("out.jpg") == pytest.approx((0, 255, 0), abs=3)


@pytest.mark.parametrize("position", [0, 1])
def test_a_picture_may_come_from_standard_input(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, position: int
) -> None:
    data = Path("blue.jpg" if position else "red.png").read_bytes()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    images = ["--image", "red.png", "--image", "blue.jpg"]
    images[1 + 2 * position] = "-"
    assert shell("edit --prompt p --no-safe-mode --keep-size -o out.png", *images).code == 0
    assert _picture("out.png").size == SIZE
    assert _pixel("out.png", (150, 110)) == pytest.approx(BLUE, abs=3)


def test_a_picture_may_be_a_data_url(shell: Shell) -> None:
    url = "data:image/gif;base64,R0lGODdhAQABAIAAAAAAAAAAACwAAAAAAQABAAACAkQBADs="
    ran = shell("edit --prompt p -o out.png --image", url)
    assert (ran.code, "image 1 is 1x1" in ran.err) == (3, True)


WRONG = [
    ("", 2, "COMMAND"),
    ("paint", 2, "'paint'"),
    ("edit --image red.png -o out.png", 2, "--prompt"),
    (EDIT + "--seed x -o out.png", 2, "--seed"),
    (EDIT + "--seed -1 -o out.png", 2, "multiedit.seed is -1"),
    (EDIT, 2, "-o FILE"),
    (EDIT + "-o out.gif", 2, "'gif' is no format that can be written: jpeg, jpg, png, webp."),
    (EDIT + "-o out.gif --explain", 2, "jpeg, jpg, png, webp"),
    (EDIT + "-o out --output-format gif", 2, "jpeg, jpg, png, webp"),
    (
        EDIT + "-o out.jpg --file-quality 0",
        2,
        "--file-quality is 0; it must be a whole number from 1 to 100.",
    ),
    (EDIT + "-o out.jpg --file-quality 101", 2, "--file-quality is 101"),
    (EDIT + "-o out.jpg --matte green", 2, "--matte is 'green'"),
    (EDIT + "-o out.png --model layer-compsite", 2, "nearest known one is 'layer-composite'"),
    (EDIT + "-o out.png --aspect-ratio 7:3", 2, "It takes auto, 1:1"),
    (EDIT + "-o out.png --resolution 8K", 2, "It takes 1K, 2K, 4K"),
    (EDIT + "-o out.png --quality best", 2, "low, medium, high"),
    (EDIT + "-o out.png --image - --image -", 2, "Standard input holds one picture"),
    (EDIT + "-o out.png --image blue.jpg --role 2", 2, "--role has '2'; it must be N=ROLE"),
    (EDIT + "-o out.png --image blue.jpg --role 2=top", 2, "base, overlay, mask, reference"),
    (EDIT + "-o out.png --image blue.jpg --role 3=mask", 2, "'3'; it must be an image number, 1 or 2"),
    (EDIT + "-o out.png --image blue.jpg --role 2=mask --role 2=overlay", 2, "--role gives '2' twice"),
    (EDIT + "-o out.png --image blue.jpg --place 2", 2, "--place has '2'; it must be N=NAME=VALUE"),
    (EDIT + "-o out.png --image blue.jpg --place 2=scale", 2, "--place has 'scale'"),
    (EDIT + "-o out.png --image blue.jpg --place 2=scale=1,", 2, "--place has ''"),
    (EDIT + "-o out.png --image blue.jpg --place 2=scal=1", 2, "Did you mean 'scale'?"),
    (EDIT + "-o out.png --image blue.jpg --place 2=scale=nan", 2, "it must be a number from 0.001 to 100"),
    (EDIT + "-o out.png --image blue.jpg --place 2=flip_h=1", 2, "true or false"),
    (EDIT + "-o out.png --image blue.jpg --place 2=scale=1,scale=2", 2, "gives 'scale' twice"),
    (EDIT + "-o out.png --image blue.jpg --place 2=scale=1 --place 2=fit=none", 2, "gives '2' twice"),
    (EDIT + "-o out.png --image missing.png", 3, "image 2 (missing.png) does not exist"),
    (EDIT + "-o out.png --image text.png", 3, "image 2 is text, not a picture"),
    (EDIT + "-o out.png --image .", 3, "image 2 (.) is a directory"),
    (EDIT + "-o out.png --image http://127.0.0.1:9/x.png", 4, "image 2"),
    (EDIT + "-o out.png --image http://127.0.0.1:8188/x.png", 4, "image 2"),
    (EDIT + "-o out.png --model nano-banana-2-edit", 5, "Models that can run here: layer-composite."),
    (EDIT + "-o nowhere/out.png", 7, "The folder nowhere does not exist."),
    (EDIT + "-o .", 7, ". is a folder."),
    (EDIT + f"-o {'n' * 300}.png", 7, "the name is too long"),
    ("compose missing.json -o out.png", 2, "missing.json cannot be read"),
    ("compose text.png -o out.png", 2, "is no JSON"),
    ("compose text.png -o out.gif", 2, "jpeg, jpg, png, webp"),
    ("compose text.png", 2, "-o FILE"),
    ("resolve", 2, "aspect_ratio is not given"),
    ("resolve --image-size 300", 2, "--image-size is '300'; it must be WIDTHxHEIGHT"),
    ("resolve --image-size 0x9", 2, "WIDTHxHEIGHT"),
    (f"resolve --image-size {'9' * 5000}x9", 2, "(5002 characters); it must be WIDTHxHEIGHT"),
    ("resolve --model layers --aspect-ratio 1:1", 2, "nearest known one"),
    ("models nano-banana", 2, "nearest known one is 'nano-banana"),
    ("safety", 2, "COMMAND"),
    ("safety check text.png", 3, "the image is text"),
    ("safety check red.png --threshold 2", 2, "it must be 0 to 1"),
]


@pytest.mark.parametrize(("line", "code", "words"), WRONG, ids=[line[-60:] for line, _, _ in WRONG])
def test_an_error_has_its_exit_code_one_message_and_leaves_no_file(
    shell: Shell, line: str, code: int, words: str
) -> None:
    before = _files()
    ran = shell(line)
    assert (ran.code, ran.out) == (code, b"")
    assert ran.err.startswith("multiedit: ")
    assert ran.err.count("\n") == 1
    assert words in ran.err
    assert _files() == before


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("edit --json", {"code": "INVALID_REQUEST", "field": None}),
        (EDIT + "-o - --json", {"code": "INVALID_REQUEST", "field": None}),
        (EDIT + "-o out.png --json --model x", {"code": "INVALID_MODEL", "field": "modelId"}),
        (EDIT + "-o out.png --json --image text.png", {"code": "CORRUPTED_IMAGE", "field": "images"}),
        ("models x --json", {"code": "INVALID_MODEL", "field": "modelId"}),
        ("safety check no.png --json", {"code": "CORRUPTED_IMAGE", "field": "images"}),
    ],
)
def test_an_error_is_json_where_that_is_asked(shell: Shell, line: str, error: dict[str, str]) -> None:
    ran = shell(line)
    message = ran.json["error"]["message"]
    assert ran.json == {"error": {**error, "message": message}}
    assert ran.err == f"multiedit: {message}\n"


def test_a_variable_of_the_environment_that_is_no_number_is_an_error(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MULTIEDIT_MAX_PIXELS", "many")
    assert shell(EDIT + "-o out.png").code == 2


def test_a_missing_folder_is_told_before_any_picture_is_looked_at(shell: Shell) -> None:
    assert shell("edit --image missing.png --prompt p -o nowhere/out.png").code == 7


def test_an_output_is_replaced_only_by_a_finished_edit(shell: Shell) -> None:
    Path("out.png").write_bytes(b"old")
    assert shell(KEEP + "--image text.png -o out.png").code == 3
    assert Path("out.png").read_bytes() == b"old"
    before = set(_files())
    assert shell(KEEP + "-o out.png").code == 0
    assert _pixel("out.png") == RED
    assert set(_files()) == before


def test_the_same_command_writes_the_same_bytes(shell: Shell) -> None:
    for name in ("one.jpg", "two.jpg"):
        assert shell(KEEP + f"--image blue.jpg --seed 1 -o {name}").code == 0
    assert Path("one.jpg").read_bytes() == Path("two.jpg").read_bytes()


def _flagging() -> StandIn:
    return fixed(1.0, "flagging")


def _no_classifier() -> StandIn:
    raise errors.ClassifierMissing("There is no classifier.")


def _document() -> None:
    layers = [{"image": "red.png"}, {"image": "blue.jpg", "mask": "left.png", "w": 300, "h": 220}]
    Path("doc.json").write_text(json.dumps({"canvas": SIZE, "layers": layers}))


COMMANDS = {"edit": "edit --image red.png --prompt p --keep-size ", "compose": "compose doc.json "}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_flagged_result_is_blurred_and_the_caller_is_told(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    _document()
    monkeypatch.setattr(loader, "load_known", lambda name, store, place: _flagging())
    told = shell(COMMANDS[command] + "-o out.png --json").json
    assert (told["safety"]["blurred"], told["safety"]["label"]) == (True, "nsfw")
    ran = shell(COMMANDS[command] + "-o out.png")
    assert "safe mode: blurred, score 1.0000, threshold 0.5, classifier flagging" in ran.err
    assert "left out of the file: multiedit." in ran.err
    assert ran.code == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_without_a_classifier_nothing_is_written(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    _document()
    monkeypatch.setattr(loader, "load_known", lambda name, store, place: _no_classifier())
    assert shell(COMMANDS[command] + "-o out.png").code == 6
    assert not Path("out.png").exists()
    assert shell(COMMANDS[command] + "-o out.png --no-safe-mode").code == 0


def test_a_missing_classifier_is_told_before_a_document_is_read(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loader, "load_known", lambda name, store, place: _no_classifier())
    assert shell("compose missing.json -o out.png").code == 6


def test_a_document_is_composited(shell: Shell) -> None:
    _document()
    ran = shell("compose doc.json -o out.png --json")
    assert ran.json.keys() == {"output", "media_type", "bytes", "safety", "dropped_metadata"}
    assert ran.json["safety"]["label"] == "sfw"
    assert _pixel("out.png", (75, 110)) == RED  # a layer's mask is white where the layer is transparent
    assert _pixel("out.png", (225, 110)) == pytest.approx(BLUE, abs=3)
    assert shell("compose doc.json --no-safe-mode -o out").err == "out: image/png\nsafe mode: off\n"


def test_resolve_prints_the_size(shell: Shell) -> None:
    ran = shell("resolve --aspect-ratio 16:9")
    assert (ran.code, ran.out) == (0, b"1376x774\n")
    assert "resolution is not given" in ran.err
    told = shell("resolve --image-size 4001x3000 --keep-size --json")
    assert (told.json["width"], told.json["height"], told.json["tier"]) == (4001, 3000, "4K")
    assert told.err == ""


def test_models_are_listed(shell: Shell) -> None:
    head, *rows = shell("models").out.decode().splitlines()
    assert [row.split()[0] for row in rows] == [model.id for model in load_catalog()]
    column = slice(head.index("runs here"), head.index("ratios"))
    assert {row.split()[0] for row in rows if row[column].strip() == "yes"} == {"layer-composite"}
    assert {row[column].strip() for row in rows} == {"yes", "-"}


def test_models_are_listed_as_json(shell: Shell) -> None:
    listed = shell("models --json").json
    assert [model["id"] for model in listed if model["runs_here"]] == ["layer-composite"]
    one = [model for model in listed if model["id"] == "gpt-image-2-edit"]
    assert shell("models gpt-image-2-edit --json").json == one
    assert shell("models gpt-image-2-edit").json == one


def test_a_picture_is_scored_and_the_exit_code_is_0_whatever_the_verdict(shell: Shell) -> None:
    passed = shell("safety check red.png --json")
    assert (passed.code, passed.json["label"], passed.json["blurred"]) == (0, "sfw", False)
    flagged = shell("safety check red.png --threshold 0")
    assert flagged.code == 0
    assert re.fullmatch(rb"nsfw: blurred, score 0\.\d{4}, threshold 0, classifier open_nsfw\n", flagged.out)


def _help(line: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        main([*line.split(), "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_help_lists_the_exit_code_of_every_error(capsys: pytest.CaptureFixture[str]) -> None:
    listed = {
        int(code) for code in re.findall(r"(?:  |^)(\d+) ", _help("", capsys).partition("exit codes:")[2])
    }
    classes = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    codes = {kind.exit_code for kind in classes if issubclass(kind, errors.MultiEditError)}
    assert listed == codes | {0, commands.INTERRUPTED}


def test_help_says_that_a_verdict_is_no_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert "exit code is 0 whatever the verdict" in " ".join(_help("safety check", capsys).split())


def test_an_interrupt_ends_quietly(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(options: Namespace) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "models", interrupted)
    assert shell("models") == Ran(130, b"", "")


@pytest.mark.parametrize(("seconds", "shown"), [(0.0, True), (60.0, False)])
def test_a_person_sees_a_bar_for_long_work(
    monkeypatch: pytest.MonkeyPatch, seconds: float, shown: bool
) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr(output, "_QUIET_SECONDS", seconds)
    monkeypatch.setattr(output, "_TICK_SECONDS", 0.02)
    with output.progress_bar(Namespace(json=False)) as stage:
        stage("edit", 0.5)
        # tqdm draws at most ten times a second; this draw is the ticker's.
        deadline = time.monotonic() + 5
        while shown and "edit" not in terminal.getvalue() and time.monotonic() < deadline:
            time.sleep(0.02)
    assert ("edit" in terminal.getvalue()) is shown
    assert shown or terminal.getvalue() == ""


def test_a_real_process_writes_the_picture_and_nothing_else_to_standard_output() -> None:
    images = [word for name in ("-", "galaxies.jpg", "coffee-mask.png") for word in ("--image", name)]
    done = subprocess.run(
        [*MULTIEDIT, "edit", *images, "--prompt", "p", "--keep-size", "-o", "-", "--output-format", "jpg"],
        cwd=EXAMPLES,
        input=(EXAMPLES / "coffee.jpg").read_bytes(),
        capture_output=True,
        check=True,
    )
    picture = Image.open(io.BytesIO(done.stdout))
    picture.load()
    assert (picture.format, picture.size) == ("JPEG", (600, 400))
    assert done.stdout.endswith(b"\xff\xd9")
    assert b"safe mode: passed" in done.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("line", ["models", "models nope --json"])
def test_a_full_standard_output_is_an_error_and_no_traceback(line: str) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run([*MULTIEDIT, *line.split()], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == (2 if "nope" in line else 7)
    *_, last = done.stderr.splitlines()
    assert last.startswith("multiedit: Standard output cannot be written: ")
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="closes a stream in the shell")
@pytest.mark.parametrize(
    ("line", "closed", "code", "out", "err"),
    [
        ("edit --image - --prompt p -o {}/out.png", "<&-", 3, "", "multiedit: Standard input is closed."),
        ("resolve --aspect-ratio 1:1", ">&-", 7, "", "multiedit: Standard output is closed."),
        ("resolve --aspect-ratio 1:1", "2>&-", 0, "1024x1024\n", ""),
    ],
)
def test_a_closed_stream_is_no_traceback(
    line: str, closed: str, code: int, out: str, err: str, tmp_path: Path
) -> None:
    command = ["sh", "-c", f'"$@" {closed}', "sh", *MULTIEDIT, *line.format(tmp_path).split()]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr.startswith(err)) == (code, out, True)
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


SLOW_EDIT = """
import asyncio, sys, time
from multiedit.cli import commands
from multiedit.cli.main import main

class Editor:
    async def edit(self, *arguments, **options):
        print("editing", flush=True)
        await asyncio.to_thread(time.sleep, 60)

commands._editor = lambda limits, safety: Editor()
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal of POSIX")
def test_ctrl_c_ends_an_edit_at_once(tmp_path: Path) -> None:
    words = [
        "edit",
        "--image",
        str(EXAMPLES / "coffee.jpg"),
        "--prompt",
        "p",
        "-o",
        str(tmp_path / "out.png"),
    ]
    with subprocess.Popen(
        [sys.executable, "-c", SLOW_EDIT, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "editing\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=20) == ("", "")
    assert process.returncode == 130
    assert list(tmp_path.iterdir()) == []


def test_options_are_not_abbreviated(shell: Shell) -> None:
    ran = shell("models --js")
    assert ran.code == 2
    assert "--js" in ran.err


WEIGHTS = b"weights " * 1000


@pytest.fixture
def weights_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """An address that delivers `WEIGHTS`, which the classifier `light` then is."""
    changed = {"size": len(WEIGHTS), "sha256": hashlib.sha256(WEIGHTS).hexdigest()}
    monkeypatch.setitem(
        specs.CLASSIFIERS, "light", dataclasses.replace(specs.CLASSIFIERS["light"], **changed)
    )
    monkeypatch.setenv("MULTIEDIT_SAFETY_FOLDER", str(tmp_path / "classifiers"))

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(WEIGHTS)

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/model.safetensors"
        server.shutdown()
        thread.join()


def test_weights_are_fetched_listed_verified_and_removed(shell: Shell, weights_server: str) -> None:
    listed = {each["name"]: each["weights"] for each in shell("safety list --json").json}
    assert listed == {"open_nsfw": "present", "light": "absent", "recommended": "absent"}

    fetched = shell(f"safety fetch light --yes --address {weights_server}")
    assert fetched.code == 0
    for told in ("Apache-2.0", "0.0 MB", weights_server):
        assert told in fetched.err
    assert "there already" in shell(f"safety fetch light --address {weights_server}").out.decode()
    verified = shell("safety verify --json").json
    assert verified == {name: specs.CLASSIFIERS[name].sha256 for name in ("open_nsfw", "light")}

    (file,) = Path("classifiers/nsfw").iterdir()
    file.write_bytes(WEIGHTS[:-1] + b"x")
    assert shell("safety verify").code == 6
    assert shell("safety verify recommended").code == 6
    again = shell(f"safety fetch light --yes --address {weights_server}")
    assert (again.code, file.read_bytes()) == (0, WEIGHTS)
    assert "expected" in again.err

    assert shell("safety remove light --yes").code == 0
    assert not file.exists()
    assert "not there" in shell("safety remove light").out.decode()


@pytest.mark.parametrize(
    ("command", "code", "told"),
    [
        ("safety fetch light", 2, "add --yes"),
        ("safety fetch nudenet", 2, "open_nsfw, light, recommended"),
        ("safety fetch light --yes --address http://127.0.0.1:1/x", 4, "did not deliver"),
        ("safety fetch light --yes --address file:///etc/hosts", 2, "https://"),
        ("safety remove open_nsfw --yes", 7, "part of multi-edit"),
        ("safety check red.png --classifier light", 6, "multiedit safety fetch light"),
        ("safety check red.png --classifier nudenet", 2, "open_nsfw, light, recommended"),
        ("safety check red.png --preset lax", 2, "strict, default, loose"),
    ],
)
def test_what_weights_cannot_do_is_told(
    shell: Shell, weights_server: str, command: str, code: int, told: str
) -> None:
    ran = shell(command)
    assert ran.code == code
    assert told in ran.err


@pytest.mark.parametrize(("preset", "threshold"), [("strict", 0.3), ("default", 0.5), ("loose", 0.8)])
def test_a_preset_is_chosen_by_option_or_environment(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, preset: str, threshold: float
) -> None:
    told = shell(f"safety check red.png --preset {preset} --json").json
    assert (told["preset"], told["threshold"]) == (preset, threshold)
    monkeypatch.setenv("MULTIEDIT_SAFETY_PRESET", preset)
    assert shell("safety check red.png --json").json == told


def test_input_pictures_are_judged_before_the_edit_where_that_is_asked_for(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loader, "load_known", lambda name, store, place: _flagging())
    ran = shell(COMMANDS["edit"] + "--check-inputs -o out.png")
    assert (ran.code, Path("out.png").exists()) == (6, False)
    assert "Safe mode refuses image 1: it was classified as adult" in ran.err


def test_an_evaluation_tells_every_preset_and_keeps_hashes_alone(shell: Shell) -> None:
    Path("labels.csv").write_text("file,label\nred.png,unsafe\nblue.jpg,safe\ntext.png,safe\n")
    told = shell("safety eval --dir . --labels labels.csv --scores scores.json --json").json
    assert told["unread"] == 1
    assert {(each["views"], each["preset"]) for each in told["results"]} == {
        (views, preset) for views in ("whole", "tiles") for preset in ("strict", "default", "loose")
    }
    kept = json.loads(Path("scores.json").read_text())
    pictures = {hashlib.sha256(Path(name).read_bytes()).hexdigest() for name in ("red.png", "blue.jpg")}
    assert kept.keys() == pictures
    assert "red" not in Path("scores.json").read_text()
    table = shell("safety eval --dir . --benign").out.decode().splitlines()
    assert len(table) == 7
    assert "0/4" in table[2]


@pytest.mark.parametrize(
    "words", ["", "--benign --labels labels.csv", "--labels nowhere.csv", "--benign --classifier nudenet"]
)
def test_an_evaluation_that_cannot_be_is_refused(shell: Shell, words: str) -> None:
    assert shell(f"safety eval --dir . {words}").code == 2
