"""Load Layered Images in ComfyUI's executor: files, alpha, validation, fingerprints."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

pytest.importorskip("comfy_api.latest")
pytestmark = pytest.mark.comfyui


@pytest.fixture
def files(folders: Path) -> Path:
    """Three pictures in the input folder: plain, with alpha, and one that is none."""
    home = folders / "input"
    Image.new("RGB", (320, 240), (255, 0, 0)).save(home / "red.png")
    Image.new("RGBA", (300, 300), (0, 255, 0, 51)).save(home / "green.png")
    (home / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing")
    return home


def load(graph: Any, **files: Any) -> list[Any]:
    return graph.run("MultiEditLoadLayers", **files)


def test_files_come_as_load_image_has_them_and_with_their_alpha(graph: Any, files: Path) -> None:
    red, red_mask, green, green_mask, *_ = load(graph, image_1="red.png", image_2="green.png")
    assert (red.shape[3], green.shape[3]) == (3, 4)
    torch.testing.assert_close(green[..., 3], 1.0 - green_mask)
    for name, image, mask in (("red.png", red, red_mask), ("green.png", green, green_mask)):
        theirs, their_mask = graph.run("LoadImage", image=name)
        torch.testing.assert_close(image[..., :3], theirs)
        torch.testing.assert_close(mask, their_mask)


@pytest.mark.parametrize("none", ["none", "none [temp]"])
def test_what_is_missing_is_no_error(graph: Any, files: Path, none: str) -> None:
    *outputs, layers = load(graph, image_1="red.png", image_2=none, image_3="green.png")
    assert outputs[2:4] == [None, None]
    assert outputs[4].shape == (1, 300, 300, 4)
    assert layers["canvas"] == (320, 240)
    assert [(layer["x"], layer["y"], layer["w"], layer["h"]) for layer in layers["layers"][1:]] == [
        (40, 0, 240, 240)
    ]


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"image_1": "none"}, "value_not_in_list.*'image_1'"),
        ({"image_1": "none [temp]"}, "value_not_in_list.*'image_1'"),
        ({"image_2": "red.png"}, "required_input_missing.*'image_1'"),
        ({"image_1": "gone.png"}, "value_not_in_list.*'image_1'"),
        ({"image_1": "../secret.png"}, "value_not_in_list.*'image_1'"),
        ({"image_1": ""}, "value_not_in_list.*'image_1'"),
        ({"image_1": "sub"}, "value_not_in_list.*'image_1'"),
        ({"image_1": 7}, "value_not_in_list.*'image_1'"),
        ({"image_1": "red.png", "image_2": "gone.png [output]"}, "value_not_in_list.*'image_2'"),
    ],
)
def test_what_is_no_file_is_refused_before_anything_runs(
    graph: Any, files: Path, choices: dict[str, Any], words: str
) -> None:
    (files / "sub").mkdir()
    (files.parent / "secret.png").write_bytes((files / "red.png").read_bytes())
    with pytest.raises(graph.Failed, match=f"prompt_outputs_failed_validation.*{words}") as refused:
        load(graph, **choices)
    assert str(refused.value).count("input_name") == 1


def test_a_link_out_of_the_input_folder_is_no_file_of_it(
    graph: Any, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ComfyUI itself asks since 0.31; here it is as before."""
    import folder_paths

    outside = files.parent / "secret.png"
    os.replace(files / "green.png", outside)
    (files / "link.png").symlink_to(outside)
    (files / "own.png").symlink_to(files / "red.png")
    monkeypatch.setattr(folder_paths, "exists_annotated_filepath", lambda name: (files / name).exists())
    monkeypatch.setattr(folder_paths, "get_annotated_filepath", lambda name: str(files / name))
    assert load(graph, image_1="own.png")[0].shape == (1, 240, 320, 3)
    with pytest.raises(graph.Failed, match=r"image 1: 'link\.png' is not in the input folder"):
        load(graph, image_1="link.png")


def test_a_damaged_file_is_an_error_that_names_the_image(graph: Any, files: Path) -> None:
    with pytest.raises(graph.Failed, match="image 2 is a damaged"):
        load(graph, image_1="red.png", image_2="broken.png")


def test_files_that_are_not_listed_are_loaded(graph: Any, files: Path, folders: Path) -> None:
    (files / "sub").mkdir()
    Image.new("RGB", (320, 240)).save(files / "sub" / "below.png")
    os.replace(files / "red.png", folders / "output" / "made.png")
    first, _, second, *_ = load(graph, image_1="made.png [output]", image_2="sub/below.png")
    assert first.shape == second.shape == (1, 240, 320, 3)


def test_a_changed_file_is_loaded_again_and_the_same_is_not(graph: Any, files: Path) -> None:
    prompt = graph.prompt("MultiEditLoadLayers", image_1="red.png")
    graph.queue(prompt)
    os.utime(files / "red.png")
    graph.queue(prompt)
    assert "node" in graph.cached
    Image.new("RGB", (320, 240), (0, 0, 255)).save(files / "red.png")
    graph.queue(prompt)
    assert "node" not in graph.cached
