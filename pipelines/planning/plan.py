"""Plan an edit: every decision about it, made before a pixel is decoded.

Deterministic: the same request, images and machine give the same plan. What the request leaves open is
decided by these rules, and each decision is a note:

- modelId: `firered-image-edit`, the contract's default, where this machine can run it; else
  `layer-composite`, which runs everywhere.
- roles: planning/roles.py; size: planning/size.py.
- output_format: png where the effective tier is 1K or the model has none, jpeg for 2K and 4K. Where the
  result has the first image's size the effective tier is the one closest in area to it.
- extend: a mask lies over image 1 itself, and what is added may change besides; everything else, size and
  placements, goes by the extended image, whose size the result has.
- quality: the model's default; a model without qualities ignores the field.
- seed: 0, so that a request without one repeats itself.

A model at the provider is never chosen where the request names no model: it costs money.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from ..catalog.lookup import Catalog
from ..catalog.model import BASE_TIER, Model
from ..common.errors import ModelUnavailable, UnsupportedValue
from ..common.settings import Limits
from ..common.types import Size
from ..common.validation import describe
from ..images.facts import ImageFacts
from ..layers.extension import Extension
from ..layers.placement import Placement
from . import provider
from .enlarged import enlarged_notes
from .extend import extend_base
from .mask_options import MaskOptions, unused_notes
from .model_options import ModelOptions, dropped_notes
from .provider import PROVIDER
from .request import EditRequest, Extras, OutputFormat, Role
from .roles import assign_roles, require_mask
from .shape import shape_notes
from .shares import mask_notes
from .size import ResolvedSize, nearest_size, resolve_size, unsupported

DEFAULT_MODEL = "firered-image-edit"
EMBEDDED_MODEL = "layer-composite"
DEFAULT_SEED = 0
UNCHANGED = (
    "The edit changes no pixel: no overlay shows. Check the overlays' placement, opacity and transparency, "
    "and where the mask is white."
)
"""The note of an edit that was to change something."""
_NOTHING_LAID_ON = "No overlay is laid on image 1, so the edit changes nothing in it."
_ONLY_SHAPED = "No overlay is laid on image 1, so the edit changes its size or shape, and nothing else."


@dataclass(frozen=True)
class EditPlan:
    """An edit, decided.

    Attributes:
        adapter: the name of what carries the plan out.
        width, height: of the result in pixels.
        work_width, work_height: of what the model makes; the result is fitted from it where they differ.
        resolution: the effective tier, None for a model without tiers.
        keep_size: whether the result has the first image's exact size.
        roles: one for each image, in order; the first is the base. One more, the mask of what is added, where
            a model that reads the prompt extends image 1 without another mask.
        placements: by 1-based image number, one for each overlay.
        extension: what is added to image 1, None for nothing.
        quality: None for a model without qualities.
        price_usd: what the provider charges, an estimate; None for what does not go there.
        notes: a sentence for everything inferred, dropped or changed.
        mask_options: of an edit inside a mask, for models that run on ComfyUI.
        options: of a generative model; the defaults for any other.
    """

    model: str
    model_name: str
    adapter: str
    prompt: str
    width: int
    height: int
    work_width: int
    work_height: int
    aspect_ratio: str
    resolution: str | None
    keep_size: bool
    roles: tuple[Role, ...]
    placements: Mapping[int, Placement]
    extension: Extension | None
    output_format: OutputFormat
    quality: str | None
    seed: int
    safe_mode: bool
    price_usd: float | None
    notes: tuple[str, ...]
    mask_options: MaskOptions = MaskOptions()  # noqa: RUF009  # frozen
    options: ModelOptions = ModelOptions()  # noqa: RUF009  # frozen

    def to_dict(self) -> dict[str, object]:
        """The plan as JSON takes it, keys in the order above; image numbers become text."""
        placements = {str(number): asdict(placement) for number, placement in self.placements.items()}
        return {
            **asdict(self),
            "roles": list(self.roles),
            "placements": placements,
            "notes": list(self.notes),
            "options": self.options.given,
        }


def make_plan(
    request: EditRequest,
    images: Sequence[ImageFacts],
    catalog: Catalog,
    adapters: Mapping[str, str],
    limits: Limits | None = None,
) -> EditPlan:
    """Decide an edit.

    Args:
        images: one for each image of the request, in order.
        adapters: model id -> adapter name, of what can run on this machine now.
        limits: bound an extended image 1; None where that was done before.

    Raises:
        UnknownModel: the catalogue does not have the model.
        ModelUnavailable: it is known, but cannot run here.
        UnsupportedValue: the model does not take this prompt length, image count, ratio, tier or quality.
        InvalidRequest: the roles, the placements or the sizes contradict each other.
    """
    model, model_notes = choose_model(request.model_id, catalog, adapters)
    extras = request.multiedit
    roles, role_notes = assign_roles(extras, images, model)
    remote = adapters[model.id] == PROVIDER
    mask = tuple(_mask_notes(roles, images, sampled=model.interprets_prompt and not remote))
    extension, roles, images, added = extend_base(request, model, roles, images, remote, limits)
    options = _used_options(extras, model, remote)
    require_mask(model, "mask" in roles, options.crop_and_stitch)
    _check_capacity(request, roles, model, remote)
    size = _choose_size(request, model, (images[0].width, images[0].height), remote)
    output_format, format_notes = _choose_format(request.output_format, size.tier)
    quality, quality_notes = _choose_quality(request.quality, model)
    price = model.price.estimate(size.tier, quality, len(provider.sent_images(roles))) if remote else None
    provider_notes = () if price is None else provider.notes(model, price, roles, images, extras)
    image_notes = (*role_notes, *mask, *added, *_image_notes(extras, model, roles, images, size, remote))
    inferred = (*model_notes, *image_notes, *format_notes, *quality_notes, *_seed_notes(extras))
    return EditPlan(
        model=model.id,
        model_name=model.name,
        adapter=adapters[model.id],
        prompt=request.prompt,
        width=size.width,
        height=size.height,
        work_width=size.work_width,
        work_height=size.work_height,
        aspect_ratio=size.aspect_ratio,
        resolution=size.tier,
        keep_size=size.keep_size,
        roles=roles,
        placements=_placements(extras, roles),
        extension=extension,
        output_format=output_format,
        quality=quality,
        seed=DEFAULT_SEED if extras.seed is None else extras.seed,
        safe_mode=request.safe_mode,
        price_usd=price,
        notes=(*inferred, *provider_notes),
        mask_options=extras.mask_options,
        options=options,
    )


def check_early(request: EditRequest, base: Size, catalog: Catalog, adapters: Mapping[str, str]) -> None:
    """Check what is known before an image is read: model, prompt length, ratio, tier and quality.

    Args:
        base: of image 1, as its header has it.

    Raises:
        UnknownModel, ModelUnavailable, UnsupportedValue: as `make_plan`.
    """
    model, _ = choose_model(request.model_id, catalog, adapters)
    _check_prompt(request, model)
    _choose_size(request, model, base, adapters[model.id] == PROVIDER)
    _choose_quality(request.quality, model)


def _placements(extras: Extras, roles: Sequence[Role]) -> dict[int, Placement]:
    overlays = [number for number, role in enumerate(roles, start=1) if role == "overlay"]
    return {number: extras.placement.get(number, Placement()) for number in overlays}


def _seed_notes(extras: Extras) -> Iterator[str]:
    if extras.seed is None:
        yield f"multiedit.seed is not given: {DEFAULT_SEED}."


def _used_options(extras: Extras, model: Model, remote: bool) -> ModelOptions:
    return extras.options if model.interprets_prompt and not remote else ModelOptions()


def _mask_notes(roles: Sequence[Role], images: Sequence[ImageFacts], sampled: bool) -> Iterator[str]:
    if "mask" in roles and (selection := images[roles.index("mask")].selection):
        yield from mask_notes(selection, sampled=sampled)


def _image_notes(
    extras: Extras,
    model: Model,
    roles: Sequence[Role],
    images: Sequence[ImageFacts],
    size: ResolvedSize,
    remote: bool,
) -> Iterator[str]:
    if "overlay" not in roles and not model.interprets_prompt:
        same = (size.width, size.height) == (images[0].width, images[0].height)
        yield _NOTHING_LAID_ON if same and extras.extend is None else _ONLY_SHAPED
    for image in images:
        yield from image.notes
    yield from size.notes
    base = (images[0].width, images[0].height)
    composited = "overlay" in roles and remote
    covers = "mask" in roles or composited or not model.interprets_prompt
    here = model.interprets_prompt and not remote
    yield from shape_notes(model, base, (size.width, size.height), here=here, covers=covers)
    if not model.interprets_prompt:
        yield from enlarged_notes(_placements(extras, roles), images, (size.width, size.height))
    yield from unused_notes(extras.mask_options, roles, here, model.id)
    if not here:
        yield from dropped_notes(extras.options, model.id)


def choose_model(
    asked: str | None, catalog: Catalog, adapters: Mapping[str, str]
) -> tuple[Model, tuple[str, ...]]:
    """The model that will be used, and the plan's notes about it.

    Raises:
        UnknownModel, ModelUnavailable: see `make_plan`.
    """
    wanted = catalog.get(DEFAULT_MODEL if asked is None else asked)
    if wanted.id in adapters and (asked or adapters[wanted.id] != PROVIDER):
        model, why = wanted, f"{wanted.id} is the default"
    elif asked is None and EMBEDDED_MODEL in adapters:
        model = catalog.get(EMBEDDED_MODEL)
        why = f"{_why_not(wanted)}, so {model.id} is used, which runs everywhere"
    else:
        able = ", ".join(model.id for model in catalog if model.id in adapters) or "none"
        raise ModelUnavailable(f"{_why_not(wanted)}. Models that can run here: {able}.", field="modelId")
    inferred = (f"modelId is not given: {why}.",) if asked is None else ()
    return model, (*inferred, model.remark) if model.remark else inferred


def _why_not(model: Model) -> str:
    if model.weights == "closed":
        return provider.closed_model_reason(model)
    return f"{model.id} has open weights ({model.licence}) and runs on ComfyUI only (--comfyui, or its nodes)"


def _check_capacity(request: EditRequest, roles: Sequence[Role], model: Model, remote: bool) -> None:
    # A model that reads the prompt sees neither the mask nor what is laid onto the base before it.
    # One that is served elsewhere is sent the mask.
    unseen: tuple[Role, ...] = ("mask", "overlay") if model.interprets_prompt else ("mask",)
    images = len(provider.sent_images(roles)) if remote else sum(role not in unseen for role in roles)
    _check_prompt(request, model)
    _check_amount("images", images, model.max_images, "images", model, "Send fewer.")


def _check_prompt(request: EditRequest, model: Model) -> None:
    _check_amount("prompt", len(request.prompt), model.prompt_limit, "characters", model, "Shorten it.")


def _check_amount(field: str, amount: int, limit: int, unit: str, model: Model, advice: str) -> None:
    if amount > limit:
        raise UnsupportedValue(
            f"{field} has {amount} {unit}; the limit of {model.id} is {limit}. {advice}", field=field
        )


def _choose_size(request: EditRequest, model: Model, base: Size, remote: bool) -> ResolvedSize:
    extras = request.multiedit
    keep_size = extras.keep_size or extras.extend is not None
    snap_ratio = extras.snap_ratio or (remote and not keep_size)  # as the provider does by itself
    if request.size is not None:
        return nearest_size(model, request.size, base, snap_ratio=snap_ratio)
    return resolve_size(
        model,
        request.aspect_ratio,
        request.resolution,
        base,
        keep_size=keep_size,
        snap_ratio=snap_ratio,
    )


def format_for_tier(tier: str | None) -> OutputFormat:
    """The format of a result whose request names none; `tier` is the effective one."""
    return "png" if tier in (None, BASE_TIER) else "jpeg"


def _choose_format(asked: OutputFormat | None, tier: str | None) -> tuple[OutputFormat, Iterable[str]]:
    if asked is not None:
        return asked, ()
    inferred = format_for_tier(tier)
    return inferred, (f"output_format is not given: {inferred}, by the tier ({tier or 'none'}).",)


def _choose_quality(asked: str | None, model: Model) -> tuple[str | None, Iterable[str]]:
    if not model.qualities:
        return None, (f"quality {describe(asked)} is dropped: {model.id} has no qualities.",) if asked else ()
    if asked is None:
        return model.default_quality, (f"quality is not given: {model.default_quality}, the default.",)
    if asked not in model.qualities:
        raise unsupported("quality", asked, model, model.qualities)
    return asked, ()
