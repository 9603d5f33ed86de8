"""AVIF and HEIC: sizes of the coded frames, grids, crops and rotations; no file comes from elsewhere."""

from __future__ import annotations

import io
import random
import struct
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from multiedit.pipelines.common.errors import ImageTooLarge, InvalidImage, MultiEditError
from multiedit.pipelines.common.settings import Limits
from multiedit.pipelines.images import heic
from multiedit.pipelines.images.av1 import frame_sizes
from multiedit.pipelines.images.decode import decode
from multiedit.pipelines.images.header import read_header
from multiedit.pipelines.images.hevc import FrameSize, frame_size
from multiedit.pipelines.images.iso_media import read_image
from multiedit.tests.support.iso_files import (
    Part,
    aux,
    box,
    clap,
    grid_body,
    imir,
    irot,
    iso_file,
    ispe,
)
from multiedit.tests.support.timing import BUSY_SECONDS
from PIL import Image

LIMITS = Limits()
PICTURE = np.random.default_rng(5).integers(0, 256, (8, 12, 3), np.uint8).repeat(40, 0).repeat(40, 1)


class Bits:
    """Writes bit fields."""

    def __init__(self) -> None:
        self.text = ""

    def put(self, *fields: tuple[int, int]) -> Bits:
        for value, count in fields:
            self.text += format(value, f"0{count}b") if count else ""
        return self

    def ue(self, *values: int) -> Bits:
        for value in values:
            digits = format(value + 1, "b")
            self.text += "0" * (len(digits) - 1) + digits
        return self

    def bytes(self) -> bytes:
        padded = self.text + "1" + "0" * (-(len(self.text) + 1) % 8)
        return int(padded, 2).to_bytes(len(padded) // 8, "big")


def unit(kind: int, body: bytes) -> bytes:
    """An AV1 unit with its length, in two bytes of LEB128."""
    return bytes([kind << 3 | 2, len(body) & 0x7F | 0x80, len(body) >> 7]) + body


def still_sequence(width: int, height: int) -> bytes:
    fields = Bits().put((0, 3), (1, 1), (1, 1), (8, 5), (15, 4), (15, 4), (width - 1, 16), (height - 1, 16))
    return unit(1, fields.put((0, 10)).bytes())


def video_sequence(width: int, height: int) -> bytes:
    fields = Bits().put((0, 3), (0, 1), (0, 1), (0, 1), (0, 1), (0, 5), (0, 12), (4, 5))
    fields.put((15, 4), (15, 4), (width - 1, 16), (height - 1, 16), (0, 1), (0, 3), (0, 4), (0, 1))
    return unit(1, fields.put((0, 1), (0, 1), (0, 10)).bytes())  # no order hints, no screen content


def overriding_frame(width: int, height: int) -> bytes:
    fields = Bits().put((0, 1), (0, 2), (1, 1), (0, 1), (1, 1), (width - 1, 16), (height - 1, 16))
    return unit(6, fields.bytes())


def parameter_set(width: int, height: int, window: Sequence[int] = (), sub_layers: int = 0) -> bytes:
    fields = Bits().put((0, 4), (sub_layers, 3), (1, 1), (1, 8), (0x60000000, 32), (0, 48), (93, 8))
    if sub_layers:
        fields.put(*[(3, 2)] * sub_layers, (0, 2 * (8 - sub_layers)), *[(0, 96)] * sub_layers)
    fields.ue(0, 1, width, height).put((bool(window), 1)).ue(*window).ue(0, 0, 4)
    body = fields.bytes()
    escaped = b""
    for byte in body:  # emulation prevention
        escaped += b"\x03" if byte < 4 and escaped[-2:] == b"\0\0" else b""
        escaped += bytes([byte])
    return b"\x42\x01" + escaped


def hvcc(*units: bytes) -> bytes:
    arrays = b"".join(struct.pack(">BHH", 33, 1, len(each)) + each for each in units)
    return box(b"hvcC", b"\x01" + bytes(20) + b"\x03", bytes([len(units)]), arrays)


def av1c(configuration: bytes = b"") -> bytes:
    return box(b"av1C", b"\x81\x0c\x00\x00", configuration)


def length_prefixed(unit: bytes) -> bytes:
    return struct.pack(">I", len(unit)) + unit


AV1_STREAMS = {
    "still": (still_sequence(512, 300), [(512, 300)]),
    "delimiter first": (unit(2, b"") + still_sequence(9, 7), [(9, 7)]),
    "video": (video_sequence(640, 480), [(640, 480)]),
    "frame of another size": (
        video_sequence(640, 480) + overriding_frame(12_000, 9_000),
        [(640, 480), (12_000, 9_000)],
    ),
    "two sequences": (still_sequence(8, 8) + still_sequence(9999, 9), [(8, 8), (9999, 9)]),
}


@pytest.mark.parametrize(("stream", "sizes"), AV1_STREAMS.values(), ids=AV1_STREAMS)
def test_sizes_in_an_av1_stream(stream, sizes) -> None:
    assert list(frame_sizes(stream, iter(range(100)))) == sizes


PARAMETER_SETS = {
    "plain": (parameter_set(4096, 2304), ((4096, 2304), (4096, 2304))),
    "window": (parameter_set(1024, 1024, (0, 5, 1, 2)), ((1024, 1024), (1014, 1018))),
    "sub-layers": (parameter_set(64, 32, (), 3), ((64, 32), (64, 32))),
    "no parameter set": (b"\x40\x01\x0c", None),
    "enhancement layer": (b"\x42\x09" + bytes(40), None),
}


@pytest.mark.parametrize(("data", "expected"), PARAMETER_SETS.values(), ids=PARAMETER_SETS)
def test_size_in_an_hevc_parameter_set(data, expected) -> None:
    assert frame_size(data) == (expected and FrameSize(*expected))


LIARS = {
    "AV1 data": iso_file([Part(b"av01", [ispe(512, 512), av1c()], still_sequence(12_000, 12_000))]),
    "av1C": iso_file(
        [Part(b"av01", [ispe(512, 512), av1c(still_sequence(12_000, 12_000))], still_sequence(512, 512))]
    ),
    "AV1 frame header": iso_file(
        [
            Part(
                b"av01",
                [ispe(512, 512), av1c()],
                video_sequence(512, 512) + overriding_frame(12_000, 12_000),
            )
        ]
    ),
    "AV1 alpha": iso_file(
        [
            Part(b"av01", [ispe(512, 512), av1c()], still_sequence(512, 512)),
            Part(b"av01", [ispe(512, 512), av1c()], still_sequence(12_000, 12_000), [(b"auxl", [1])]),
        ]
    ),
    "hvcC": iso_file([Part(b"hvc1", [ispe(512, 512), hvcc(parameter_set(12_000, 12_000))], b"")], b"heic"),
    "HEVC data": iso_file(
        [
            Part(
                b"hvc1",
                [ispe(512, 512), hvcc(parameter_set(512, 512))],
                length_prefixed(parameter_set(12_000, 12_000)),
            )
        ],
        b"heic",
    ),
}


@pytest.mark.parametrize("data", LIARS.values(), ids=LIARS)
def test_a_coded_frame_over_the_limit_is_refused_from_the_header(data) -> None:
    assert len(data) < 2048
    with pytest.raises(ImageTooLarge, match=r"144\.0 MP \(12000x12000\)"):
        read_header(data, LIMITS, "image 1")


def test_tiles_over_the_limit_are_refused_from_the_header() -> None:
    tile = Part(b"hvc1", [ispe(512, 512), hvcc(parameter_set(12_000, 12_000))], b"")
    head = Part(b"grid", [ispe(1000, 500)], grid_body(1, 2, 1000, 500), [(b"dimg", [2, 2])])
    with pytest.raises(InvalidImage, match="image 1 is a damaged"):
        read_header(iso_file([head, tile], b"heic"), LIMITS, "image 1")


BROKEN_GRIDS = {
    "tiles do not cover it": (grid_body(1, 2, 1100, 500), [2, 2]),
    "a tile too many": (grid_body(1, 2, 500, 500), [2, 2]),
    "a tile is missing": (grid_body(2, 2, 1000, 1000), [2, 2, 2]),
    "a tile is itself": (grid_body(1, 2, 1000, 500), [1, 1]),
    "a tile is nothing": (grid_body(1, 2, 1000, 500), [9, 9]),
}


@pytest.mark.parametrize(("body", "tiles"), BROKEN_GRIDS.values(), ids=BROKEN_GRIDS)
def test_a_grid_that_does_not_fit_is_refused(body, tiles) -> None:
    tile = Part(b"av01", [ispe(512, 512), av1c()], still_sequence(512, 512))
    data = iso_file([Part(b"grid", [ispe(1000, 500)], body, [(b"dimg", tiles)]), tile])
    with pytest.raises(InvalidImage):
        read_header(data, LIMITS)


def avif(pixels: np.ndarray, **parameters: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "AVIF", **{"quality": 100, "subsampling": "4:4:4", **parameters})
    return buffer.getvalue()


def heif(pixels: np.ndarray) -> bytes:
    pillow_heif = pytest.importorskip("pillow_heif")
    buffer = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(pixels)).save(buffer, quality=100, chroma=444)
    return buffer.getvalue()


def coded(kind: str, pixels: np.ndarray) -> Part:
    """An item with the pixels, taken out of a file."""
    data = avif(pixels) if kind == "avif" else heif(pixels)
    image = read_image(data)
    item = image.file.items[image.item]
    config = item.property(b"av1C" if kind == "avif" else b"hvcC")
    assert config is not None
    height, width = pixels.shape[:2]
    return Part(
        item.kind,
        [ispe(width, height), box(config[0], data[config[1] : config[2]])],
        bytes(image.file.content(item)),
    )


def read(data: bytes) -> np.ndarray:
    header = read_header(data, LIMITS)
    pixels = decode(data, header).pixels.numpy()
    assert pixels.shape[1::-1] == (header.width, header.height)
    return pixels


KINDS = [("avif", b"avif"), ("heif", b"heic")]
TURNS = {
    "as it is": ([], PICTURE),
    "quarter turn": ([irot(1)], np.rot90(PICTURE)),
    "half turn": ([irot(2)], np.rot90(PICTURE, 2)),
    "top and bottom": ([imir(0)], PICTURE[::-1]),
    "left and right": ([imir(1)], PICTURE[:, ::-1]),
    "turned, then mirrored": ([irot(3), imir(1)], np.rot90(PICTURE, 3)[:, ::-1]),
    "cut": ([clap(400, 280, 60, -40, 2)], PICTURE[0:280, 70:470]),
    "cut and turned": ([clap(400, 280), irot(1)], np.rot90(PICTURE[20:300, 40:440])),
}


@pytest.mark.parametrize("decoder", ["pillow_heif", "av"])
@pytest.mark.parametrize(("kind", "brand"), KINDS)
@pytest.mark.parametrize(("properties", "expected"), TURNS.values(), ids=TURNS)
def test_crop_rotation_and_mirror(kind, brand, properties, expected, decoder, monkeypatch) -> None:
    if kind == "heif":
        pytest.importorskip(decoder)
        monkeypatch.setattr(heic, "DECODERS", (decoder,))
    part = coded(kind, PICTURE)
    part.properties = [*part.properties, *properties]
    assert np.abs(read(iso_file([part], brand)).astype(int) - expected).max() <= 4


def test_a_crop_of_impossible_numbers_is_refused() -> None:
    part = coded("avif", PICTURE)
    part.properties = [*part.properties, clap(400, 280, over=0)]
    with pytest.raises(InvalidImage, match="image 1 is a damaged"):
        read_header(iso_file([part], b"avif"), LIMITS, "image 1")


@pytest.mark.parametrize("decoder", ["pillow_heif", "av"])
@pytest.mark.parametrize(("kind", "brand"), KINDS)
def test_a_grid_is_put_together_and_cut_to_its_size(kind, brand, decoder, monkeypatch) -> None:
    if kind == "heif":
        pytest.importorskip(decoder)
        monkeypatch.setattr(heic, "DECODERS", (decoder,))
    tiles = [PICTURE[top : top + 160, left : left + 240] for top in (0, 160) for left in (0, 240)]
    head = Part(b"grid", [ispe(470, 310), irot(1)], grid_body(2, 2, 470, 310), [(b"dimg", [2, 3, 4, 5])])
    data = iso_file([head, *(coded(kind, tile) for tile in tiles)], brand)
    assert np.abs(read(data).astype(int) - np.rot90(PICTURE[:310, :470])).max() <= 4


@pytest.mark.parametrize("kind", ["avif", "heif"])
def test_a_cut_after_a_turn_is_said(kind) -> None:
    part = coded(kind, PICTURE)
    part.properties = [*part.properties, irot(1), clap(200, 200)]
    with pytest.raises(InvalidImage, match=r"^image 1 is to be turned and then cut, which is not supported"):
        read_header(iso_file([part], b"avif" if kind == "avif" else b"heic"), LIMITS, "image 1")


ALPHA = aux(b"urn:mpeg:hevc:2015:auxid:1")


@pytest.mark.parametrize("decoder", ["pillow_heif", "av"])
def test_a_smaller_alpha_plane_is_scaled_to_the_image(decoder, monkeypatch) -> None:
    pytest.importorskip(decoder)
    monkeypatch.setattr(heic, "DECODERS", (decoder,))
    alpha = coded("heif", np.repeat(np.uint8([[0, 255]]), 120, 1).repeat(160, 0))  # the left half transparent
    alpha.properties = [*alpha.properties, ALPHA]
    alpha.references = [(b"auxl", [1])]
    pixels = read(iso_file([coded("heif", PICTURE), alpha], b"heic")).astype(int)
    assert np.abs(pixels[..., :3] - PICTURE).max() <= 4
    assert pixels[:, : PICTURE.shape[1] // 2 - 2, 3].max() <= 4
    assert pixels[:, PICTURE.shape[1] // 2 + 2 :, 3].min() >= 251


def test_an_alpha_plane_over_the_limit_is_refused_from_the_header() -> None:
    """A grid of one tile, 256 times."""
    tile = coded("avif", PICTURE)
    width, height = PICTURE.shape[1] * 16, PICTURE.shape[0] * 16
    references = [(b"dimg", [3] * 256), (b"auxl", [1])]
    alpha = Part(b"grid", [ispe(width, height), ALPHA], grid_body(16, 16, width, height), references)
    data = iso_file([tile, alpha, tile])
    with pytest.raises(ImageTooLarge, match=f"{width}x{height}"):
        read_header(data, replace(LIMITS, max_pixels=width * height - 1))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("chroma", [420, 444])
def test_both_heic_decoders_give_the_same_pixels(mode, chroma, photo, monkeypatch) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    pytest.importorskip("av")
    image = photo.convert("RGB").convert(mode)
    if mode == "RGBA":
        image.putalpha(Image.radial_gradient("L").resize(image.size))
    buffer = io.BytesIO()
    pillow_heif.from_pillow(image).save(buffer, chroma=chroma)
    results = []
    for decoder in ("pillow_heif", "av"):
        monkeypatch.setattr(heic, "DECODERS", (decoder,))
        results.append(read(buffer.getvalue()).astype(int))
    assert np.abs(results[0] - results[1]).max() <= 1


@pytest.mark.parametrize("decoder", ["pillow_heif", "av"])
def test_ten_bits_come_through(decoder, monkeypatch) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    pytest.importorskip(decoder)
    monkeypatch.setattr(heic, "DECODERS", (decoder,))
    ramp = np.zeros((256, 256, 3), np.uint16) + np.linspace(0, 65_535, 256)[:, None].astype(np.uint16)
    buffer = io.BytesIO()
    pillow_heif.from_bytes("RGB;16", (256, 256), ramp.tobytes()).save(buffer, quality=-1, chroma=444)
    assert np.abs(read(buffer.getvalue()) - ramp / 65_535).max() < 2.5 / 1023


@pytest.mark.parametrize(("flags", "depth"), [(0x40, 10), (0x60, 12)])
def test_bits_of_an_avif_that_are_not_read_are_said(flags, depth) -> None:
    data = avif(PICTURE)
    assert read_header(data, LIMITS).notes == ()
    place = data.index(b"av1C") + 6
    deep = data[:place] + bytes([data[place] | flags]) + data[place + 1 :]
    deep = deep.replace(b"\x03\x08\x08\x08", bytes([3, depth, depth, depth]))  # in `pixi`, which must agree
    notes = read_header(deep, LIMITS, "image 1").notes
    assert notes == (f"Image 1 has {depth} bits a channel, of which 8 are read.",)


def test_heic_works_without_pillow_s_registry_and_with_it(monkeypatch) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    data = heif(PICTURE)
    plain = read(data)
    for name in ("OPEN", "SAVE", "SAVE_ALL", "MIME", "EXTENSION"):
        monkeypatch.setattr(Image, name, dict(getattr(Image, name)))
    monkeypatch.setattr(Image, "ID", list(Image.ID))
    pillow_heif.register_heif_opener()
    assert np.array_equal(read(data), plain)


def test_heic_without_a_decoder_names_the_extra(monkeypatch) -> None:
    monkeypatch.setattr(heic, "DECODERS", ())
    data = iso_file([Part(b"hvc1", [ispe(512, 512), hvcc(parameter_set(512, 512))], b"")], b"heic")
    with pytest.raises(
        InvalidImage,
        match=r"image 2 is HEIC.*Install pillow-heif",
    ):
        read_header(data, LIMITS, "image 2")


def test_an_avif_sequence_is_its_primary_picture() -> None:
    buffer = io.BytesIO()
    frames = [Image.fromarray(np.roll(PICTURE, shift, 1)) for shift in (0, 40, 80)]
    frames[0].save(buffer, "AVIF", save_all=True, append_images=frames[1:], quality=100)
    assert read(buffer.getvalue()).shape == PICTURE.shape


@pytest.mark.parametrize("kind", ["avif", "heif"])
def test_damage_gives_an_error_of_the_tree(kind) -> None:
    data = avif(PICTURE[:, :, :]) if kind == "avif" else heif(PICTURE)
    source = random.Random(11)
    for _ in range(300):
        damaged = bytearray(data)
        for _ in range(source.randint(1, 4)):
            damaged[source.randrange(24, 500)] = source.choice(
                (0, 1, 0x7F, 0x80, 0xFF, source.randrange(256))
            )
        try:
            read_header(bytes(damaged), LIMITS)
        except MultiEditError:
            continue


def shared(part: Part, count: int) -> bytes:
    """A file whose items all have the data of the first."""
    data = iso_file([part, *[Part(part.kind, part.properties, b"")] * count], b"avif")
    place = data.index(b"iloc") + 12
    first = data[place + 6 : place + 14]
    entries = b"".join(struct.pack(">HHH", number, 0, 1) + first for number in range(1, count + 2))
    return data[:place] + entries + data[place + len(entries) :]


BOMBS = {
    "items that share their data": lambda: shared(
        Part(b"av01", [ispe(512, 512), av1c()], still_sequence(512, 512) + b"\x12\x00" * 15_000), 3000
    ),
    "a million units": lambda: iso_file(
        [Part(b"av01", [ispe(512, 512), av1c()], still_sequence(512, 512) + b"\x12\x00" * 1_000_000)]
    ),
    "a million HEVC units": lambda: iso_file(
        [Part(b"hvc1", [ispe(512, 512), hvcc(parameter_set(512, 512))], bytes(4_000_000))], b"heic"
    ),
    "a million boxes": lambda: (
        iso_file([Part(b"av01", [], b"")], extra=box(b"free") * 1_000_000)[:-20] + b"meta"
    ),
    "no properties": lambda: iso_file([Part(b"av01", [ispe(512, 512), av1c()], b"")]).replace(
        b"ipma", b"free"
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_files_made_to_cost_time_are_refused_in_time(name) -> None:
    data = BOMBS[name]()
    start = time.process_time()
    with pytest.raises(InvalidImage):
        read_header(data, LIMITS)
    assert time.process_time() - start < BUSY_SECONDS
