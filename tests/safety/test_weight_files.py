from __future__ import annotations

import hashlib
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import safetensors.torch
import torch
from multiedit.pipelines.common.errors import ClassifierMissing, WeightsMismatch
from multiedit.pipelines.safety.classifiers.loader import NETWORKS
from multiedit.pipelines.safety.classifiers.network import Network, load_classifier
from multiedit.pipelines.safety.classifiers.specs import CLASSIFIERS, EMBEDDED, EMBEDDED_FOLDER
from multiedit.pipelines.safety.classifiers.weight_files import load_weights, with_ranges
from multiedit.tests.support.classifiers import embedded_file, load_open_nsfw

ROOT = Path(__file__).resolve().parents[2]
SHA256 = CLASSIFIERS["open_nsfw"].sha256
OPEN_NSFW = embedded_file("open_nsfw")
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + SHA256.encode() + b"\nsize 11793716\n"


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("open_nsfw", 108),  # 53 convolutions and one matrix, with their biases
        ("nsfwjs", 106),  # 52 convolutions and one matrix, with their biases
    ],
)
def test_the_shipped_weights_are_the_pinned_ones(name, count):
    spec, data = CLASSIFIERS[name], embedded_file(name).read_bytes()
    assert hashlib.sha256(data).hexdigest() == spec.sha256
    weights, found = load_weights(embedded_file(name), spec, [spec.sha256], NETWORKS[name].shapes)
    assert (found, len(data)) == (spec.sha256, spec.size)
    assert len(weights) == count
    assert {tensor.dtype for tensor in weights.values()} == {torch.float32}


@pytest.mark.parametrize(
    ("licence", "copyright"),
    [
        ("LICENSE.open_nsfw", "Copyright (c) 2016, Yahoo Inc."),
        ("LICENSE.nsfwjs", "Copyright (c) 2019 Infinite Red, Inc."),
        ("LICENSE.nsfwjs", "Copyright (c) 2020 The nsfw_model Developers"),
    ],
)
def test_the_notices_lie_beside_the_weights(licence, copyright):
    assert copyright in (EMBEDDED_FOLDER / licence).read_text()
    assert licence in (EMBEDDED_FOLDER / "NOTICE").read_text()
    assert f"weights/{licence}" in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize("page", [EMBEDDED_FOLDER / "NOTICE", ROOT / "docs" / "safety.md"], ids=str)
def test_what_is_said_to_hold_the_sha256_holds_it(page):
    named = re.findall(r"pipelines/safety/[\w/]+\.py", page.read_text("utf-8"))
    assert named
    for file in named:
        text = (ROOT / file).read_text("utf-8")
        assert [name for name in EMBEDDED if CLASSIFIERS[name].sha256 not in text] == []


def test_eight_bit_numbers_stand_for_steps_from_a_minimum(tmp_path):
    tensors = {"a": torch.arange(6, dtype=torch.uint8).view(2, 3), "b": torch.zeros(3, dtype=torch.uint8)}
    ranges = {"a.range": torch.tensor([-1.0, 0.5]).double(), "b.range": torch.tensor([2.0, 1.0]).double()}
    data = safetensors.torch.save({**tensors, **ranges})
    path = tmp_path / "own"
    path.write_bytes(data)
    shapes = with_ranges({"a": (2, 3), "b": (3,)})
    weights, _ = load_weights(path, CLASSIFIERS["nsfwjs"], [hashlib.sha256(data).hexdigest()], shapes)
    assert {name: tensor.tolist() for name, tensor in weights.items()} == {
        "a": [[-1.0, -0.5, 0.0], [0.5, 1.0, 1.5]],
        "b": [2.0, 2.0, 2.0],
    }


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:-1],
        lambda data: data[:1000],
        lambda data: data + b"\0",
        lambda data: data[:5_000_000] + bytes([data[5_000_000] ^ 1]) + data[5_000_001:],
        lambda data: POINTER,
    ],
    ids=["empty", "one byte short", "header only", "one byte more", "one bit", "git-lfs pointer"],
)
def test_a_damaged_file_is_refused(tmp_path, damage):
    path = tmp_path / "open_nsfw.safetensors"
    path.write_bytes(damage(OPEN_NSFW.read_bytes()))
    with pytest.raises(WeightsMismatch, match=SHA256) as caught:
        load_open_nsfw(path)
    assert str(tmp_path) not in caught.value.message


@pytest.mark.parametrize("name", ["absent.safetensors", "."])
def test_a_file_that_cannot_be_read_is_a_missing_classifier(tmp_path, name):
    with pytest.raises(ClassifierMissing, match="Install multi-edit again") as caught:
        load_open_nsfw(tmp_path / name)
    assert str(tmp_path) not in caught.value.message


def test_the_classifier_is_loaded_once_for_all_threads(tmp_path):
    path = tmp_path / "open_nsfw.safetensors"
    path.write_bytes(OPEN_NSFW.read_bytes())
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(load_open_nsfw, [path] * 8))
    assert len({id(classifier) for classifier in found}) == 1


def test_a_file_that_changes_or_goes_is_noticed(tmp_path):
    path = tmp_path / "open_nsfw.safetensors"
    data = OPEN_NSFW.read_bytes()
    path.write_bytes(data)
    first = load_open_nsfw(path)
    assert load_open_nsfw(path) is first

    changed = bytearray(data)
    changed[-1] ^= 1
    path.write_bytes(changed)
    os.utime(path, ns=(0, 0))
    with pytest.raises(WeightsMismatch):
        load_open_nsfw(path)

    path.unlink()
    with pytest.raises(ClassifierMissing):
        load_open_nsfw(path)


SMALL = Network(8, lambda weights, views: views, {"a": (2, 3), "b": (3,)})
FITTING = {"a": torch.zeros(2, 3), "b": torch.ones(3)}


def load_own(path, tensors, allowed=None):
    """A file of the user's own in the place of `light`, on the allow list unless another list is given."""
    data = safetensors.torch.save(tensors)
    path.write_bytes(data)
    listed = (hashlib.sha256(data).hexdigest(),) if allowed is None else allowed
    return load_classifier(CLASSIFIERS["light"], SMALL, path, listed), hashlib.sha256(data).hexdigest()


def test_a_file_on_the_users_list_is_loaded_and_reported_by_its_own_sha256(tmp_path):
    classifier, sha256 = load_own(tmp_path / "own", {**FITTING, "b": FITTING["b"].half()})
    assert (classifier.name, classifier.sha256) == ("light", sha256)
    assert {tensor.dtype for tensor in classifier.weights().values()} == {torch.float32}


@pytest.mark.parametrize(
    "tensors",
    [
        {"a": FITTING["a"]},
        {**FITTING, "c": torch.zeros(1)},
        {**FITTING, "a": torch.zeros(3, 2)},
        {"timm_model.a": FITTING["a"], "timm_model.b": FITTING["b"]},
    ],
    ids=["one missing", "one more", "another shape", "other names"],
)
def test_a_file_with_other_tensors_is_refused(tmp_path, tensors):
    with pytest.raises(WeightsMismatch, match="not those of Marqo"):
        load_own(tmp_path / "own", tensors)


def test_a_listed_file_that_is_no_safetensors_is_refused(tmp_path):
    path = tmp_path / "own"
    path.write_bytes(b"pickle")
    with pytest.raises(WeightsMismatch, match="not a valid safetensors file"):
        load_classifier(CLASSIFIERS["light"], SMALL, path, (hashlib.sha256(b"pickle").hexdigest(),))


def test_a_file_on_no_list_is_refused_with_the_next_step(tmp_path):
    with pytest.raises(WeightsMismatch, match="run `multiedit safety download light`"):
        load_own(tmp_path / "own", FITTING, allowed=())
    with pytest.raises(
        ClassifierMissing, match="Run `multiedit safety download light`, or switch safe mode off"
    ):
        load_classifier(CLASSIFIERS["light"], SMALL, tmp_path / "absent")


def test_weights_are_placed_once_for_each_file_and_device(tmp_path):
    placed = []

    def place(weights):
        placed.append(sorted(weights))
        return lambda: weights

    data = safetensors.torch.save(FITTING)
    (tmp_path / "own").write_bytes(data)
    allowed = (hashlib.sha256(data).hexdigest(),)
    for _ in range(3):
        load_classifier(CLASSIFIERS["light"], SMALL, tmp_path / "own", allowed, place)
    assert placed == [["a", "b"]]
