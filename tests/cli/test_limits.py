"""What the shell takes beyond the limits of a request over HTTP, and the note about it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from multiedit.tests.support.shell import Shell, open_image
from PIL import Image

NOTE = "The HTTP API refuses this request by its default limits: "
SMALL = {"icon.png": (48, 48), "banner.png": (600, 48), "logo.png": (200, 200)}


@pytest.fixture(autouse=True)
def small_images(shell: Shell) -> None:
    for name, size in SMALL.items():
        Image.new("RGBA", size, (0, 255, 0, 128)).save(name)


@pytest.mark.parametrize("name", SMALL)
def test_a_small_image_is_edited_as_base_and_as_overlay(shell: Shell, name: str) -> None:
    assert shell("edit --prompt p --no-safe-mode --keep-size -o out.png --image", name).code == 0
    assert open_image("out.png").size == SMALL[name]
    ran = shell("edit --image red.png --prompt p --no-safe-mode -o out.png --role 2=overlay --image", name)
    assert ran.code == 0
    assert ran.err.count(NOTE) == 1
    assert f"{NOTE}image 2 is " in ran.err


def test_a_plan_has_one_note_with_every_reason(shell: Shell) -> None:
    images = [part for number in range(8) for part in ("--image", "red.png" if number else "icon.png")]
    notes = shell("edit --prompt p --explain", *images).json["notes"]
    about = [note for note in notes if note.startswith(NOTE)]
    reasons = "images has 8 images; the limit is 3, and image 1 is 48x48; each side must have at least 64 px."
    assert about == [NOTE + reasons]


def test_a_request_that_a_route_takes_has_no_note(shell: Shell) -> None:
    assert NOTE not in str(shell("edit --image red.png --prompt p --explain").json)


def test_a_png_of_40_mb_is_taken(shell: Shell) -> None:
    size = (3700, 3700)
    Image.effect_noise(size, 90).convert("RGB").save("noise.png", compress_level=0)
    assert Path("noise.png").stat().st_size > 40e6
    ran = shell("edit --image noise.png --prompt p --no-safe-mode -o out.jpg")
    assert ran.code == 0
    assert f"{NOTE}image 1 is 41.1 MB (" in ran.err


def test_eight_layers_are_edited(shell: Shell) -> None:
    images = [part for name in ["red.png"] + ["icon.png"] * 7 for part in ("--image", name)]
    roles = [part for number in range(2, 9) for part in ("--role", f"{number}=overlay")]
    assert shell("edit --prompt p --no-safe-mode -o out.png", *images, *roles).code == 0


def test_a_document_takes_small_layers(shell: Shell) -> None:
    Path("doc.json").write_text(
        json.dumps({"layers": [{"image": "red.png"}, *({"image": name, "mask": name} for name in SMALL)]})
    )
    assert shell("compose doc.json --no-safe-mode -o out.png").code == 0


@pytest.mark.parametrize("name", SMALL)
def test_a_small_image_is_checked(shell: Shell, name: str) -> None:
    assert shell("safety check", name).code == 0
