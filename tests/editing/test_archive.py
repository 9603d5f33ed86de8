"""Several results as one file."""

from __future__ import annotations

from dataclasses import replace

from multiedit.pipelines.editing.archive import ZIP, pack, unpack
from multiedit.pipelines.editing.output import EncodedImage
from multiedit.pipelines.safety.report import off_report

PLAIN = EncodedImage(b"first", "image/jpeg", off_report(), ())


def test_a_pack_has_its_images_in_their_order_and_repeats_itself() -> None:
    files = [PLAIN, replace(PLAIN, data=b"second")]
    packed = pack(files)
    assert packed.media_type == ZIP
    assert unpack(packed) == files
    assert b"1.jpg" in packed.data
    assert pack(files) == packed


def test_a_pack_with_a_blurred_image_says_so() -> None:
    blurred = replace(PLAIN, safety=replace(off_report(), blurred=True))
    assert pack([PLAIN, blurred, PLAIN]).safety.blurred
    assert not pack([PLAIN, PLAIN]).safety.blurred
