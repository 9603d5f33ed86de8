from __future__ import annotations

import pytest
from multiedit.pipelines.catalog.lookup import load_catalog
from multiedit.pipelines.common.errors import InvalidRequest
from multiedit.pipelines.images.facts import ImageFacts
from multiedit.pipelines.layers.placement import Placement
from multiedit.pipelines.planning.request import Extras, Role
from multiedit.pipelines.planning.roles import assign_roles

COMPOSITE = load_catalog().get("layer-composite")
GENERATIVE = load_catalog().get("firered-image-edit")
PHOTO = ImageFacts(1000, 800)
MASK = ImageFacts(1000, 800, looks_like_mask=True)
LOGO = ImageFacts(500, 400, looks_like_mask=True)
PLACED = {2: Placement(opacity=0.5)}


@pytest.mark.parametrize(
    ("pictures", "extras", "composite", "generative"),
    [
        ([PHOTO], Extras(), ("base",), ("base",)),
        ([MASK], Extras(), ("base",), ("base",)),
        ([PHOTO, PHOTO, MASK], Extras(), ("base", "overlay", "mask"), ("base", "reference", "mask")),
        ([PHOTO, MASK, MASK], Extras(), ("base", "mask", "overlay"), ("base", "mask", "reference")),
        ([PHOTO, MASK], Extras(roles={2: "overlay"}), ("base", "overlay"), ("base", "overlay")),
        ([PHOTO, MASK, PHOTO], Extras(roles={3: "mask"}),
         ("base", "overlay", "mask"), ("base", "reference", "mask")),
        ([PHOTO, PHOTO], Extras(roles={1: "base", 2: "reference"}),
         ("base", "reference"), ("base", "reference")),
        ([PHOTO, MASK], Extras(placement=PLACED), ("base", "overlay"), ("base", "overlay")),
        ([PHOTO, MASK], Extras(), ("base", "overlay"), ("base", "mask")),
        ([PHOTO, MASK], Extras(roles={2: "mask"}), ("base", "mask"), ("base", "mask")),
        ([PHOTO, LOGO], Extras(), ("base", "overlay"), ("base", "reference")),
        ([PHOTO, PHOTO, LOGO], Extras(), ("base", "overlay", "overlay"), ("base", "reference", "reference")),
        ([PHOTO, LOGO, MASK], Extras(), ("base", "overlay", "mask"), ("base", "reference", "mask")),
        ([PHOTO, PHOTO, MASK], Extras(roles={2: "reference"}),
         ("base", "reference", "overlay"), ("base", "reference", "mask")),
    ],
)  # fmt: skip
def test_roles_follow_the_written_rule(
    pictures: list[ImageFacts], extras: Extras, composite: tuple[Role, ...], generative: tuple[Role, ...]
) -> None:
    assert assign_roles(extras, pictures, COMPOSITE)[0] == composite
    assert assign_roles(extras, pictures, GENERATIVE)[0] == generative


def test_each_inferred_role_has_a_note_that_says_why() -> None:
    notes = assign_roles(Extras(roles={4: "overlay"}), [PHOTO, MASK, PHOTO, PHOTO], GENERATIVE)[1]
    assert len(notes) == 2
    assert notes[0].endswith('If it is none, say multiedit.roles {"2": "reference"} (--role 2=reference).')
    assert notes[0].startswith("Image 2 is taken as mask: it is grey")
    assert notes[1].startswith("Image 3 is taken as reference: firered-image-edit")


def test_a_black_and_white_image_that_is_no_mask_says_how_to_make_it_one() -> None:
    (note,) = assign_roles(Extras(), [PHOTO, LOGO], COMPOSITE)[1]
    assert note == (
        "Image 2 is taken as overlay: layer-composite composites layers. It is black and white; if it is a "
        'mask, say multiedit.roles {"2": "mask"} (--role 2=mask).'
    )
    (beside_a_mask,) = assign_roles(Extras(roles={3: "mask"}), [PHOTO, LOGO, MASK], COMPOSITE)[1]
    assert beside_a_mask == "Image 2 is taken as overlay: layer-composite composites layers."


def test_a_reference_that_the_model_does_not_use_has_a_note() -> None:
    reference = Extras(roles={2: "reference"})
    assert assign_roles(reference, [PHOTO, PHOTO], COMPOSITE)[1] == (
        "Image 2 is not used: layer-composite takes nothing from references.",
    )
    assert assign_roles(reference, [PHOTO, PHOTO], GENERATIVE)[1] == ()


@pytest.mark.parametrize(
    ("extras", "field", "words"),
    [
        (Extras(roles={1: "mask"}), "multiedit.roles", "image 1 the mask"),
        (Extras(roles={2: "base"}), "multiedit.roles", "image 2 the base"),
        (Extras(roles={1: "overlay", 2: "base"}), "multiedit.roles", "image 1 the overlay"),
        (Extras(roles={2: "mask", 3: "mask"}), "multiedit.roles", "images 2 and 3 masks"),
        (Extras(placement={1: Placement()}), "multiedit.placement.1", "image 1, which is the base"),
        (Extras(placement=PLACED, roles={2: "mask"}), "multiedit.placement.2", "which is the mask"),
        (Extras(placement=PLACED, roles={2: "reference"}), "multiedit.placement.2", "which is the reference"),
    ],
)
def test_contradictions_are_refused(extras: Extras, field: str, words: str) -> None:
    with pytest.raises(InvalidRequest, match=words) as caught:
        assign_roles(extras, [PHOTO, PHOTO, PHOTO], COMPOSITE)
    assert caught.value.field == field
