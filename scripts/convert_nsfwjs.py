"""Make pipelines/safety/classifiers/weights/nsfwjs.safetensors from the npm package nsfwjs 4.4.0.

    npm pack nsfwjs@4.4.0
    python scripts/convert_nsfwjs.py nsfwjs-4.4.0.tgz OUT.safetensors

The same package gives the same bytes. Needs numpy only. The package has the graph of its MobileNetV2-mid
as an object of JavaScript and its weights as base64: numbers of 8 bits with the minimum and the step of
each tensor, and batch normalisation folded into the convolutions
(https://github.com/tensorflow/tfjs/tree/master/tfjs-converter). The numbers are kept as they are; only
their order is changed, from TensorFlow's to torch's.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import re
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

PACKAGE_SHA256 = "585cd178f3b994337c4d10a87b080d342fc52f8b9bf0085c4d1f345a3a1c5382"
MODEL = "mobilenet_v2_mid"
METADATA = {
    "format": "pt",
    "licence": "MIT, Copyright (c) 2019 Infinite Red, Inc.; (c) 2020 The nsfw_model Developers",
    "name": "nsfwjs MobileNetV2-mid",
    "source": f"https://www.npmjs.com/package/nsfwjs/v/4.4.0 dist/models/{MODEL}",
    "source_sha256": PACKAGE_SHA256,
}
RANGE = ".range"  # of the numbers of a tensor: their minimum and step, float64

# Of the graph's names of tensors: the layer, and what it is there.
LAYER = re.compile(r".*MobilenetV2/(.+)/(Conv2D|depthwise)_(weights|bn_offset)")
BLOCK = re.compile(r"expanded_conv_?(\d*)/")
DENSE = "StatefulPartitionedCall/sequential/dense/BiasAdd"
# The graph's input is 2 * x - 1, which the network here does by itself.
SCALING = {"hub_input/Mul/y": 2.0, "hub_input/Sub/y": 1.0}

MODULE = re.compile(r"\.exports=(\{format:.*\})\},\{\}\]\}", re.DOTALL)
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[A-Za-z_]\w*(?=:)|(?<![\w.])\.(?=\d)|!0|!1')


class Quantised(NamedTuple):
    """Numbers of 8 bits that stand for minimum + step * number."""

    numbers: npt.NDArray[np.uint8]
    minimum: float
    step: float


def read_package(package: Path, model: str = MODEL) -> tuple[dict[str, Any], dict[str, Quantised]]:
    """The graph of one of the package's models, and its weights by the graph's names."""
    data = package.read_bytes()
    if (found := hashlib.sha256(data).hexdigest()) != PACKAGE_SHA256:
        sys.exit(f"{package} has the sha256 {found}; expected {PACKAGE_SHA256}. Use nsfwjs 4.4.0.")
    with tarfile.open(package) as archive:

        def text(name: str) -> str:
            member = archive.extractfile(f"package/dist/models/{model}/{name}.min.js")
            return member.read().decode() if member else ""

        graph = javascript(text("model"))
        manifest = graph["weightsManifest"]
        bodies = [base64.b64decode(string(text(path))) for group in manifest for path in group["paths"]]
    return graph, weights(b"".join(bodies), [each for group in manifest for each in group["weights"]])


def javascript(source: str) -> dict[str, Any]:
    """The object of a bundled module, which is JSON but for its keys, numbers and truth values."""

    def as_json(match: re.Match[str]) -> str:
        word = match[0]
        return word if word[0] == '"' else {".": "0.", "!0": "true", "!1": "false"}.get(word, f'"{word}"')

    (text,) = MODULE.findall(source)
    found: dict[str, Any] = json.loads(TOKEN.sub(as_json, text))
    return found


def string(source: str) -> str:
    """The longest string of a bundled module: its base64."""
    return max(re.findall(r'"([A-Za-z0-9+/=]*)"', source), key=len)


def weights(body: bytes, manifest: list[Mapping[str, Any]]) -> dict[str, Quantised]:
    """Cut the bytes into the tensors that the manifest lists, in its order."""
    found, at = {}, 0
    for entry in manifest:
        count = int(np.prod(entry["shape"]))
        numbers = np.frombuffer(body, np.uint8, count, at).reshape(entry["shape"])
        found[entry["name"]] = Quantised(
            numbers, entry["quantization"]["min"], entry["quantization"]["scale"]
        )
        at += count
    if at != len(body):
        sys.exit(f"The package has {len(body)} bytes of weights; its manifest lists {at}.")
    return found


def named(graph: Mapping[str, Any], weights: Mapping[str, Quantised]) -> dict[str, Quantised]:
    """The tensors under the network's own layer names, in torch's order."""
    (dense,) = (node["input"] for node in graph["modelTopology"]["node"] if node["name"] == DENSE)
    found = {}
    for name, tensor in weights.items():
        numbers = tensor.numbers
        if name in dense:
            found["dense.weight" if numbers.ndim == 2 else "dense.bias"] = tensor._replace(numbers=numbers.T)
        elif match := LAYER.fullmatch(name):
            order = (2, 3, 0, 1) if match[2] == "depthwise" else (3, 2, 0, 1)  # of rows, columns, in, out
            if numbers.ndim == 4:
                numbers = numbers.transpose(order)
            layer = BLOCK.sub(lambda block: f"block{block[1] or 0}.", match[1])
            part = "weight" if match[3] == "weights" else "bias"
            found[f"{layer}.{part}"] = tensor._replace(numbers=numbers)
        elif value := SCALING.get(name.partition("/predict/")[2]):
            if numbers * tensor.step + tensor.minimum != value:
                sys.exit(f"{name} is not {value}.")
        else:
            sys.exit(f"{name} is of no layer that is known.")
    return found


def convert(package: Path) -> bytes:
    """The safetensors file's bytes. The library's own writer does not fix the order of the metadata."""
    header: dict[str, object] = {"__metadata__": METADATA}
    body = bytearray()

    def add(name: str, kind: str, values: npt.NDArray[Any]) -> None:
        start = len(body)
        body.extend(values.tobytes())
        header[name] = {"dtype": kind, "shape": list(values.shape), "data_offsets": [start, len(body)]}

    tensors = sorted(named(*read_package(package)).items())
    for name, tensor in tensors:
        add(name + RANGE, "F64", np.array([tensor.minimum, tensor.step], "<f8"))  # first: they need alignment
    for name, tensor in tensors:
        add(name, "U8", tensor.numbers)
    text = json.dumps(header, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + bytes(body)


def main() -> None:
    parser = argparse.ArgumentParser(description="Convert the weights of nsfwjs to safetensors.")
    parser.add_argument("package", type=Path, help="nsfwjs-4.4.0.tgz")
    parser.add_argument("output", type=Path)
    options = parser.parse_args()
    data = convert(options.package)
    options.output.write_bytes(data)
    sys.stdout.write(f"{hashlib.sha256(data).hexdigest()}  {options.output.name}, {len(data)} bytes\n")


if __name__ == "__main__":
    main()
