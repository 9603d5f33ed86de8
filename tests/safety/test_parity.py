"""The two transformers against timm and transformers: stored answers, and the packages where they are.

To have the packages, without touching this environment's torch:
`python -m venv reference && reference/bin/pip install torch torchvision timm transformers pytest hypothesis
safetensors pillow`, then `reference/bin/python -m pytest tests/safety/test_parity.py`.
"""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest
import torch
from multiedit.pipelines.safety.classifiers import eva02, vit
from multiedit.pipelines.safety.classifiers.specs import CLASSIFIERS

ROOT = Path(__file__).parents[2]
REFERENCE = runpy.run_path(str(ROOT / "scripts" / "make_parity_vectors.py"))
STORED = json.loads((Path(__file__).parent / "parity.json").read_text())
NETWORKS = {"vit": vit.Vit, "eva02": eva02.Eva02}


def ours(kind, sizes):
    network = NETWORKS[kind](**sizes)
    weights = REFERENCE["weights_of"](network.shapes())
    with torch.inference_mode():
        return network.logits(weights, REFERENCE["pictures"](sizes["side"])), weights


@pytest.mark.parametrize("kind", NETWORKS)
def test_the_stored_answers_of_timm_are_ours(kind):
    for case in STORED[kind]:
        logits, _ = ours(kind, case["sizes"])
        expected = torch.tensor(case["logits"])
        assert (expected[0] - expected[1]).abs().max() > 0.05  # the pictures are told apart
        torch.testing.assert_close(logits, expected, atol=2e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("case", [0, 1], ids=["tiny", "full"])
def test_timm_itself_answers_the_same(kind, case):
    pytest.importorskip("timm", reason="timm is not installed: see this file's first lines")
    sizes = REFERENCE["CASES"][kind][case]
    logits, weights = ours(kind, sizes)
    model = REFERENCE["named"](kind) if case else REFERENCE["by_timm"](kind, sizes)
    model.load_state_dict(weights)  # strict: their names and shapes are our manifest
    with torch.inference_mode():
        theirs = model(REFERENCE["pictures"](sizes["side"]))
    torch.testing.assert_close(logits, theirs, atol=2e-4, rtol=1e-4)


@pytest.mark.parametrize("case", [0, 1], ids=["tiny", "full"])
def test_transformers_itself_answers_the_same(case):
    pytest.importorskip("transformers", reason="transformers is not installed: see this file's first lines")
    sizes = REFERENCE["CASES"]["vit"][case]
    logits, weights = ours("vit", sizes)
    with torch.inference_mode():
        theirs = REFERENCE["by_transformers"](sizes, weights)(REFERENCE["pictures"](sizes["side"]))
    torch.testing.assert_close(logits, theirs, atol=2e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("name", "shapes", "bytes_each", "metadata"),
    [
        ("light", vit.NETWORK.shapes, 4, None),
        ("recommended", eva02.NETWORK.shapes, 2, {"format": "pt"}),
    ],
)
def test_the_manifest_explains_every_byte_of_the_published_file(name, shapes, bytes_each, metadata):
    """A safetensors file is a header of all names, types and shapes, and the tensors: its size is known."""
    import safetensors.torch

    dtype = {4: torch.float32, 2: torch.bfloat16}[bytes_each]
    made = safetensors.torch.save(
        {key: torch.zeros(shape, dtype=dtype) for key, shape in shapes.items()}, metadata
    )
    assert len(made) == CLASSIFIERS[name].size
