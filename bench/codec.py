"""Decode and encode against ComfyUI's LoadImage, LoadImageMask and SaveImage; hostile files.

    COMFYUI_PATH=... <ComfyUI's python> bench/codec.py

Without COMFYUI_PATH the other side is plain Pillow (open, convert, divide; save at level 4), for which there
are no bars. Ratios of medians, the two sides taking turns.
"""

from __future__ import annotations

import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from support import Figure, interleave, load_comfyui, load_package, machine, peak_memory, print_table

SIZE = (4000, 3000)
HALF = (2000, 1500)
ROUNDS = 7


@dataclass(frozen=True)
class Reference:
    """The other side of each comparison; the functions take a file's name in `folder`."""

    label: str
    has_bars: bool
    folder: Path
    load: Callable[[str], object]
    load_mask: Callable[[str], object]
    save: Callable[[object], Path]


def comfyui_reference() -> Reference | None:
    nodes = load_comfyui()
    if nodes is None:
        return None
    import folder_paths

    folder = Path(folder_paths.get_input_directory())
    output = Path(folder_paths.get_output_directory())

    def save(image: object) -> Path:
        result = nodes.SaveImage().save_images(image)
        return output / result["ui"]["images"][0]["filename"]

    return Reference(
        "ComfyUI's nodes",
        True,
        folder,
        nodes.LoadImage().load_image,
        lambda name: nodes.LoadImageMask().load_image_mask(name, "red"),
        save,
    )


def pillow_reference() -> Reference:
    import numpy as np
    import torch
    from PIL import Image

    folder = Path(tempfile.mkdtemp(prefix="multiedit-bench-"))

    def load(name: str, mode: str = "RGB") -> object:
        with Image.open(folder / name) as image:
            return torch.from_numpy(np.array(image.convert(mode)).astype(np.float32) / 255.0)[None]

    def save(image: object) -> Path:
        levels = np.clip(255.0 * image[0].numpy(), 0, 255).astype(np.uint8)
        path = folder / "reference.png"
        Image.fromarray(levels).save(path, compress_level=4)
        return path

    return Reference("plain Pillow", False, folder, load, lambda name: load(name, "L"), save)


def write_pictures(folder: Path) -> None:
    """Photograph-like pictures: soft colour at several scales and a camera's grain; a soft mask."""
    import numpy as np
    from PIL import Image, ImageDraw, ImageFilter

    random = np.random.default_rng(0)
    picture = np.zeros((SIZE[1], SIZE[0], 3), np.float32)
    for cells, strength in ((8, 60), (32, 50), (128, 30), (512, 15)):
        patch = random.random((cells * 3 // 4, cells, 3), np.float32)
        for channel in range(3):
            plane = Image.fromarray(patch[..., channel]).resize(SIZE, Image.Resampling.BICUBIC)
            picture[..., channel] += strength * np.asarray(plane)
    picture += random.normal(0, 3, (SIZE[1], SIZE[0], 1)).astype(np.float32)
    photo = Image.fromarray(picture.clip(0, 255).astype(np.uint8))
    photo.save(folder / "one.jpg", quality=92, subsampling="4:2:0")
    photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / "two.jpg", quality=92, subsampling="4:2:0")
    photo.save(folder / "photo.png")
    photo.save(folder / "photo.webp", quality=90)
    mask = Image.new("L", SIZE)
    ImageDraw.Draw(mask).ellipse((800, 500, 3200, 2500), fill=255)
    mask.filter(ImageFilter.GaussianBlur(12)).save(folder / "mask.png")


def compare(reference: Reference) -> list[Figure]:
    from multiedit.pipelines.common.atomic_file import write_atomically
    from multiedit.pipelines.common.settings import Limits
    from multiedit.pipelines.common.threads import in_parallel
    from multiedit.pipelines.images import fast_path
    from multiedit.pipelines.images.decode import DecodeJob, decode, image_from, mask_from
    from multiedit.pipelines.images.encode import EncodeOptions, encode
    from multiedit.pipelines.images.header import read_header

    limits = Limits()
    folder = reference.folder
    has_kornia = fast_path.kornia_io() is not None

    def job(name: str, at_least: tuple[int, int] | None = None) -> DecodeJob:
        data = (folder / name).read_bytes()
        return DecodeJob(data, read_header(data, limits), name, at_least)

    def load(name: str, size: tuple[int, int] | None = None) -> object:
        return image_from(decode(*job(name, size)), size)

    def load_two() -> object:
        return list(in_parallel(load, ["one.jpg", "two.jpg"]))

    def with_pillow_alone(name: str) -> object:
        lookup, fast_path.kornia_io = fast_path.kornia_io, lambda: None
        try:
            return load(name)
        finally:
            fast_path.kornia_io = lookup

    image = load("photo.png")
    saved = folder / "ours.png"
    options = EncodeOptions("png")

    def save() -> Path:
        write_atomically(saved, encode(image[0], options).data)
        return saved

    def ratio(name: str, bar: float | None, ours: Callable, theirs: Callable, note: str = "") -> Figure:
        seconds = interleave({"ours": ours, "theirs": theirs}, ROUNDS, settle=True)
        note = f"{seconds['ours'] * 1e3:.0f} of {seconds['theirs'] * 1e3:.0f} ms {note}"
        return Figure(name, seconds["ours"] / seconds["theirs"], bar, note=note)

    fast = "with kornia_rs" if has_kornia else "Pillow alone"
    figures = [
        ratio(
            "two 12 MP JPEG",
            0.45,
            load_two,
            lambda: [reference.load("one.jpg"), reference.load("two.jpg")],
            fast,
        ),
        ratio("a 12 MP JPEG", None, lambda: load("one.jpg"), lambda: reference.load("one.jpg"), fast),
        ratio(
            "a 12 MP JPEG, halved",
            0.35,
            lambda: load("one.jpg", HALF),
            lambda: reference.load("one.jpg"),
            "ours with the resize, theirs without",
        ),
        ratio(
            "a 12 MP JPEG, to 2 MP",
            None,
            lambda: load("one.jpg", (1632, 1224)),
            lambda: reference.load("one.jpg"),
            "ours with the resize, theirs without",
        ),
        ratio(
            "a 12 MP PNG, Pillow alone",
            0.8,
            lambda: with_pillow_alone("photo.png"),
            lambda: reference.load("photo.png"),
        ),
    ]
    if has_kornia:
        figures.append(
            ratio("a 12 MP PNG", 0.45, lambda: load("photo.png"), lambda: reference.load("photo.png"), fast)
        )
    figures += [
        ratio("a 12 MP WebP", None, lambda: load("photo.webp"), lambda: reference.load("photo.webp")),
        ratio(
            "a 12 MP mask",
            0.3,
            lambda: mask_from(decode(*job("mask.png"))),
            lambda: reference.load_mask("mask.png"),
            fast,
        ),
        ratio("PNG encode and write, 12 MP", 0.55, save, lambda: reference.save(image)),
        Figure("PNG encode, bytes", save().stat().st_size / reference.save(image).stat().st_size, 1.1),
    ]
    return figures if reference.has_bars else [figure._replace(bar=None) for figure in figures]


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, *extra: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    body = b"".join(extra) + chunk(b"IDAT", zlib.compress(bytes(64))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + body


def inflating(megabytes: int) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    block = stream.compress(bytes(1 << 20)) + stream.flush(zlib.Z_FULL_FLUSH)
    return b"\x78\x9c" + block * megabytes


def hostile_files() -> dict[str, bytes]:
    comment = b"\xff\xfe\x00\x02"
    gif = b"GIF89a" + struct.pack("<HHBBB", 512, 512, 0, 0, 0)
    webp = b"VP8X" + struct.pack("<II", 10, 0) + (16_382).to_bytes(3, "little") * 2
    return {
        "empty": b"",
        "SVG": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>',
        "24 MB of text": b"not a picture " * 1_700_000,
        "1x100000": png(1, 100_000),
        "30000x30000 header": png(30_000, 30_000),
        "PNG profile of 1 GB": png(512, 512, chunk(b"iCCP", b"p\x00\x00" + inflating(1024))),
        "PNG of 2 million chunks": png(512, 512, chunk(b"teXt", b"") * 2_000_000),
        "JPEG of 6 million segments": b"\xff\xd8" + comment * 6_000_000,
        "JPEG of fill bytes": b"\xff\xd8" + b"\xff" * 24_000_000,
        "GIF of 12 million blocks": gif + b"!\xfe" + b"\x01c" * 12_000_000 + b"\x00;",
        "WebP canvas of 268 MP": b"RIFF" + struct.pack("<I", 4 + len(webp)) + b"WEBP" + webp,
    }


def measure_hostile() -> list[Figure]:
    """Each file in a process of its own, which refuses it twice: once for time, once for memory."""
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        for name, data in hostile_files().items():
            path = Path(folder) / "file"
            path.write_bytes(data)
            command = [sys.executable, __file__, "--refuse", str(path)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            seconds, megabytes, error = done.stdout.split(maxsplit=2)
            figures.append(Figure(f"{name}, seconds", float(seconds), 0.2, " s", error.strip()))
            figures.append(Figure(f"{name}, memory", float(megabytes), 50, " MB"))
    return figures


def refuse(path: str) -> None:
    from multiedit.pipelines.common.errors import InvalidImage
    from multiedit.pipelines.common.settings import RequestLimits
    from multiedit.pipelines.images.decode import decode
    from multiedit.pipelines.images.header import read_header

    data = Path(path).read_bytes()
    errors: list[str] = []

    def attempt() -> None:
        try:
            decode(data, read_header(data, RequestLimits()))
        except InvalidImage as error:
            errors.append(type(error).__name__)

    megabytes = peak_memory(attempt) / 1e6
    start = time.perf_counter()
    attempt()
    print(time.perf_counter() - start, megabytes, errors[0])


def main() -> None:
    load_package()
    if sys.argv[1:2] == ["--refuse"]:
        refuse(sys.argv[2])
        return
    reference = comfyui_reference() or pillow_reference()
    write_pictures(reference.folder)
    print(machine())
    print_table(f"Codec: time as a share of {reference.label}", compare(reference))
    print(machine())
    print_table("Hostile files, until refused", measure_hostile())


if __name__ == "__main__":
    main()
