from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from multiedit.pipelines.errors import ClassifierMissing, WeightsMismatch
from multiedit.pipelines.safety.known import EMBEDDED_FILE, KNOWN
from multiedit.pipelines.safety.open_nsfw import NETWORK, default_classifier
from multiedit.pipelines.safety.weights import load_weights

EMBEDDED = KNOWN["open_nsfw"]
SHA256 = EMBEDDED.sha256
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + SHA256.encode() + b"\nsize 11793716\n"


def test_the_shipped_weights_are_the_pinned_ones():
    data = EMBEDDED_FILE.read_bytes()
    assert hashlib.sha256(data).hexdigest() == SHA256
    weights, found = load_weights(EMBEDDED_FILE, EMBEDDED, [SHA256], NETWORK.shapes)
    assert (found, len(data)) == (SHA256, EMBEDDED.size)
    assert len(weights) == 108  # 53 convolutions and one matrix, with their biases
    assert {tensor.dtype for tensor in weights.values()} == {torch.float32}


def test_the_notices_lie_beside_the_weights():
    notice = (EMBEDDED_FILE.parent / "NOTICE").read_text()
    licence = (EMBEDDED_FILE.parent / "LICENSE.open_nsfw").read_text()
    assert "Copyright (c) 2016, Yahoo Inc." in licence
    assert "LICENSE.open_nsfw" in notice


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
    path.write_bytes(damage(EMBEDDED_FILE.read_bytes()))
    with pytest.raises(WeightsMismatch, match=SHA256) as caught:
        default_classifier(path)
    assert str(tmp_path) not in caught.value.message


@pytest.mark.parametrize("name", ["absent.safetensors", "."])
def test_a_file_that_cannot_be_read_is_a_missing_classifier(tmp_path, name):
    with pytest.raises(ClassifierMissing, match="Install multi-edit again") as caught:
        default_classifier(tmp_path / name)
    assert str(tmp_path) not in caught.value.message


def test_the_classifier_is_loaded_once_for_all_threads(tmp_path):
    path = tmp_path / "open_nsfw.safetensors"
    path.write_bytes(EMBEDDED_FILE.read_bytes())
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(default_classifier, [path] * 8))
    assert len({id(classifier) for classifier in found}) == 1


def test_a_file_that_changes_or_goes_is_noticed(tmp_path):
    path = tmp_path / "open_nsfw.safetensors"
    data = EMBEDDED_FILE.read_bytes()
    path.write_bytes(data)
    first = default_classifier(path)
    assert default_classifier(path) is first

    changed = bytearray(data)
    changed[-1] ^= 1
    path.write_bytes(changed)
    os.utime(path, ns=(0, 0))
    with pytest.raises(WeightsMismatch):
        default_classifier(path)

    path.unlink()
    with pytest.raises(ClassifierMissing):
        default_classifier(path)
