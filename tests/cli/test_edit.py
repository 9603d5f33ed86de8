"""`multiedit edit`: options, output formats, exit codes, real processes."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from multiedit.tests.support.shell import (
    BLUE,
    EDIT,
    EXAMPLES,
    KEEP,
    MULTIEDIT,
    RED,
    SIZE,
    Shell,
    file_bytes,
    open_image,
    pixel,
)
from PIL import Image


def test_three_images_are_edited_with_inferred_roles(shell: Shell) -> None:
    ran = shell(KEEP + "--image blue.jpg --image left.png --place 2=fit=cover,opacity=1.0 -o out.png --json")
    assert ran.code == 0
    assert ran.err == ""
    assert ran.plan()["roles"] == ["base", "overlay", "mask"]
    assert pixel("out.png", (200, 110)) == RED
    assert pixel("out.png", (75, 110)) == pytest.approx(BLUE, abs=3)


def test_base_and_one_black_and_white_image_are_base_and_overlay(shell: Shell) -> None:
    ran = shell(EDIT + "--image left.png -o out.png")
    assert ran.code == 0
    assert pixel("out.png", (200, 110)) == (0, 0, 0)
    assert "if it is a mask, say multiedit.roles" in ran.err
    assert "The edit changes no pixel" not in ran.err


def test_strokes_on_nothing_are_what_may_change(shell: Shell) -> None:
    strokes = Image.new("RGBA", SIZE)
    strokes.paste((0, 0, 0, 255), (0, 0, 100, 220))
    strokes.save("strokes.png")
    place = "--place 2=fit=cover,opacity=1.0 "
    ran = shell(EDIT + f"--image blue.jpg --image strokes.png --role 3=mask {place} -o out.png")
    assert ran.code == 0
    assert pixel("out.png", (50, 110)) == pytest.approx(BLUE, abs=3)
    assert pixel("out.png", (200, 110)) == RED
    assert "The mask lets 33.3 % of image 1 change: its painted part." in ran.err


@pytest.mark.parametrize("more", ["--explain", "-o out.png"])
def test_a_mask_that_selects_nothing_is_refused(shell: Shell, more: str) -> None:
    Image.new("L", SIZE).save("black.png")
    ran = shell(EDIT + f"--image blue.jpg --image black.png --role 3=mask {more}")
    assert ran.code == 2
    assert "The mask selects nothing" in ran.err


def test_a_panorama_comes_back_whole_or_with_what_was_cut(shell: Shell) -> None:
    Image.new("RGB", (4000, 200), RED).save("wide.png")
    edit = "edit --image wide.png --prompt p --no-safe-mode -o out.png "
    assert "cut away" not in shell(edit).err
    assert open_image("out.png").size == (4000, 200)
    assert "88.3 % of image 1 is cut away" in shell(edit + "--aspect-ratio 21:9").err


@pytest.mark.parametrize(
    ("extend", "size", "old"),
    [
        ("left=20,top=10%,fill=#0000ff", (320, 242), (20, 22)),
        ("16:9,anchor=left,fill=blur", (391, 220), (0, 0)),
    ],
)
def test_an_image_is_extended(shell: Shell, extend: str, size: tuple[int, int], old: tuple[int, int]) -> None:
    ran = shell(EDIT + f"--extend {extend} -o out.png")
    assert ran.code == 0
    assert "Image 1 is extended (" in ran.err
    assert open_image("out.png").size == size
    assert pixel("out.png", old) == pixel("out.png", (old[0] + SIZE[0] - 1, old[1] + SIZE[1] - 1)) == RED


@pytest.mark.parametrize(
    ("extend", "words"),
    [
        ("left=x", "multiedit.extend.left is 'x'"),
        ("left", "--extend has 'left'; it must be such as left=256,right=25% or 16:9"),
        ("left=65000,right=65000", "the limit is 65535 px a side"),
        ("16:9 --aspect-ratio 1:1", "multiedit.extend gives the result its shape, and aspect_ratio another"),
    ],
)
def test_an_extension_that_cannot_be_is_refused(shell: Shell, extend: str, words: str) -> None:
    ran = shell(EDIT + f"--extend {extend} --explain")
    assert ran.code == 2
    assert words in ran.err


def test_the_closest_ratio_is_taken_where_that_is_asked_for(shell: Shell) -> None:
    resolve = "resolve --model qwen-edit --image-size 4000x3000 --json "
    assert shell(resolve).json["aspect_ratio"] == "4:3"
    assert shell(resolve + "--snap-ratio").json["aspect_ratio"] == "3:2"


def test_given_roles_and_placements_reach_the_plan(shell: Shell) -> None:
    ran = shell(
        KEEP
        + "--image left.png --image blue.jpg --role 2=overlay --role 3=overlay -o out.webp --json --seed 7 "
        "--place 2=anchor=top-left,scale=0.5,offset_x=-2.5,flip_h=true,blend_mode=soft-light "
        "--place 3=seamless=true,z=-2,visible=false"
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
    assert {"seamless": True, "z": -2, "visible": False}.items() <= plan["placements"]["3"].items()


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


def test_every_option_of_a_mask_reaches_the_plan(shell: Shell) -> None:
    ran = shell(
        KEEP + "--image blue.jpg --mask-grow 8 --mask-feather 0 --mask-pull-in 2 --mask-context 2.5 "
        "--mask-fill green --no-mask-color-match --no-mask-align --explain"
    )
    assert ran.json["mask_options"] == {
        "grow": 8, "feather": 0, "pull_in": 2, "context": 2.5, "fill": "green", "color_match": False,
        "align": False,
    }  # fmt: skip
    assert any("mask_grow" in note and "not used" in note for note in ran.json["notes"])


@pytest.mark.parametrize(
    ("option", "words"), [("--mask-grow -3", "0 to 512"), ("--mask-context x", "it must be a number")]
)
def test_a_mask_option_out_of_its_range_is_refused(shell: Shell, option: str, words: str) -> None:
    ran = shell(KEEP + f"--image blue.jpg {option} --explain")
    assert ran.code == 2
    assert words in ran.err


def test_explain_prints_the_plan_and_writes_nothing(shell: Shell) -> None:
    before = file_bytes()
    explained = shell(KEEP + "--image blue.jpg --explain -o out.jpg")
    assert file_bytes() == before
    assert explained.code == 0
    assert explained.json == shell(KEEP + "--image blue.jpg -o out.jpg --json").plan()


def test_json_says_what_was_written(shell: Shell) -> None:
    shown = shell(KEEP + "-o out.jpg --json").json
    about = {"plan", "safety", "dropped_metadata", "messages", "seconds"}
    assert shown.keys() == {"output", "outputs", "media_type", "bytes", *about}
    assert (shown["output"], shown["outputs"]) == ("out.jpg", ["out.jpg"])
    assert shown["media_type"] == "image/jpeg"
    assert shown["bytes"] == Path("out.jpg").stat().st_size
    assert shown["safety"]["status"] == "off"


def test_standard_error_has_a_summary(shell: Shell) -> None:
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
def test_the_format_is_the_given_one_else_the_endings_else_the_tiers(
    shell: Shell, words: str, output: str, expected: str
) -> None:
    assert shell(KEEP + f"{words} -o {output}").code == 0
    assert open_image(output).format == expected


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
    assert pixel("out.jpg") == pytest.approx((0, 255, 0), abs=3)


@pytest.mark.parametrize(
    ("words", "notes"),
    [
        ("-o out.png --file-quality 80", ["--file-quality has no effect: a png is written without loss."]),
        ("-o out.png --lossless", ["--lossless has no effect: a png always is."]),
        ("-o out.jpg --lossless", ["--lossless has no effect: a jpeg cannot be."]),
        (
            "-o out.webp --lossless --file-quality 80",
            ["--file-quality has no effect: a webp is written without"],
        ),
        ("-o out.webp --matte #00ff00 --json", ["--matte has no effect: a webp keeps its transparency."]),
        ("-o out.jpg --matte #00ff00 --file-quality 80", []),
        ("-o out.webp --lossless", []),
    ],
)
def test_an_option_without_effect_says_so(shell: Shell, words: str, notes: list[str]) -> None:
    ran = shell(KEEP + words)
    assert ran.code == 0
    said = [line for line in ran.err.splitlines() if "has no effect" in line]
    assert len(said) == len(notes)
    assert all(line.startswith(note) for line, note in zip(said, notes, strict=True))


@pytest.mark.parametrize("position", [0, 1])
def test_an_image_may_come_from_standard_input(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, position: int
) -> None:
    data = Path("blue.jpg" if position else "red.png").read_bytes()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    images = ["--image", "red.png", "--image", "blue.jpg"]
    images[1 + 2 * position] = "-"
    assert shell("edit --prompt p --no-safe-mode --keep-size -o out.png", *images).code == 0
    assert open_image("out.png").size == SIZE
    assert pixel("out.png", (150, 110)) == pytest.approx(BLUE, abs=3)


def test_an_image_may_be_a_data_url(shell: Shell) -> None:
    url = "data:image/gif;base64,R0lGODdhAQABAIAAAAAAAAAAACwAAAAAAQABAAACAkQBADs="
    ran = shell("edit --prompt p -o out.png --image", url)
    assert (ran.code, ran.err.count("refuses this request by its default limits: image 1 is 1x1")) == (0, 1)


def test_an_image_may_be_a_file_url(shell: Shell) -> None:
    Path("red.png").rename("a b#.png")
    ran = shell(
        "edit --prompt p --no-safe-mode --keep-size -o out.png --image", Path("a b#.png").absolute().as_uri()
    )
    assert ran.code == 0
    assert pixel("out.png") == RED


def test_a_missing_folder_is_reported_before_any_image_is_read(shell: Shell) -> None:
    assert shell("edit --image missing.png --prompt p -o nowhere/out.png").code == 7


def test_an_output_is_replaced_only_by_a_finished_edit(shell: Shell) -> None:
    Path("out.png").write_bytes(b"old")
    assert shell(KEEP + "--image text.png -o out.png").code == 3
    assert Path("out.png").read_bytes() == b"old"
    before = set(file_bytes())
    assert shell(KEEP + "-o out.png").code == 0
    assert pixel("out.png") == RED
    assert set(file_bytes()) == before


def test_the_same_command_writes_the_same_bytes(shell: Shell) -> None:
    for name in ("one.jpg", "two.jpg"):
        assert shell(KEEP + f"--image blue.jpg --seed 1 -o {name}").code == 0
    assert Path("one.jpg").read_bytes() == Path("two.jpg").read_bytes()


def test_a_real_process_writes_the_image_and_nothing_else_to_standard_output() -> None:
    """Starts Python with torch, which takes seconds."""
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


SLOW_EDIT = """
import asyncio, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job inherits that it is ignored
from multiedit.pipelines.editing.pipeline import EditPipeline
from multiedit.cli.main import main

async def edit(self, *arguments, **options):
    print("editing", flush=True)
    await asyncio.to_thread(time.sleep, 60)

EditPipeline.edit = edit
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
        assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == 130
    assert list(tmp_path.iterdir()) == []
