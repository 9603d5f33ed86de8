"""Several results as one file."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import pytest
from multiedit.pipelines.editing.archive import ZIP, Pack, unpack
from multiedit.pipelines.editing.output import EncodedImage
from multiedit.pipelines.safety.report import off_report
from multiedit.tests.support.packs import pack

PLAIN = EncodedImage(b"first", "image/jpeg", off_report(), ())


def test_a_pack_has_its_images_in_their_order_and_repeats_itself() -> None:
    files = [PLAIN, replace(PLAIN, data=b"second")]
    packed = pack(*files)
    assert packed.media_type == ZIP
    assert unpack(packed) == files
    assert b"1.jpg" in packed.data
    assert pack(*files) == packed


def test_a_pack_with_a_blurred_image_says_so() -> None:
    blurred = replace(PLAIN, safety=replace(off_report(), blurred=True))
    assert pack(PLAIN, blurred, PLAIN).safety.blurred
    assert not pack(PLAIN, PLAIN).safety.blurred


def test_results_that_are_added_one_by_one_are_in_memory_once() -> None:
    count, size = 20, 1_000_000
    tracemalloc.start()
    try:
        pack = Pack()
        for _ in range(count):
            pack.add(replace(PLAIN, data=bytes(size)))
        assert len(pack.finish().data) > count * size
        assert tracemalloc.get_traced_memory()[1] < 1.25 * (count + 1) * size
    finally:
        tracemalloc.stop()


def test_a_pack_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="one result"):
        Pack().finish()
