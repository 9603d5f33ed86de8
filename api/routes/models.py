"""GET /v1/models: the list of models in the contract's format."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, TypedDict, cast, get_args

from aiohttp import web

from ...pipelines.catalog.lookup import Catalog
from ...pipelines.catalog.model import Model
from ...pipelines.common.settings import Limits
from ...pipelines.common.validation import choice
from ..route import Call, Route

ModelType = Literal[
    "asr", "embedding", "image", "music", "text", "tts", "upscale", "inpaint", "video", "all", "code"
]
_DEFAULT_TYPE: ModelType = "text"  # the contract's
_TYPES_WITH_MODELS: tuple[ModelType, ...] = ("inpaint", "all")


class Amount(TypedDict):
    """A price; a diem is a dollar."""

    usd: float
    diem: float


class InputImagesPrice(TypedDict):
    """The price of input images beyond those that are included."""

    included: int
    additional: Amount


class RequiredPricing(TypedDict):
    """The provider's price of one edit; models that run on this server cost nothing."""

    inpaint: Amount


class Pricing(RequiredPricing, total=False):
    """By resolution tier, and by tier and quality, where the price depends on them."""

    resolutions: dict[str, Amount]
    quality: dict[str, dict[str, Amount]]
    inputImages: InputImagesPrice  # the contract's spelling


class RequiredConstraints(TypedDict):
    """The limits of every model."""

    aspectRatios: list[str]
    promptCharacterLimit: int
    combineImages: bool


class Constraints(RequiredConstraints, total=False):
    """The limits of a model; `maxInputImages` is at most a request's own limit."""

    maxInputImages: int
    singleImageAspectRatio: bool
    resolutions: list[str]
    defaultResolution: str
    qualities: list[str]
    defaultQuality: str


class RequiredModelSpec(TypedDict):
    """The description of every model."""

    name: str
    privacy: str
    offline: bool
    traits: list[str]
    constraints: Constraints
    pricing: Pricing


class ModelSpec(RequiredModelSpec, total=False):
    """The description of a model; `offline` is true where this server cannot run it now."""

    uncensored: bool
    description: str


class ModelResponse(TypedDict):
    """One model."""

    id: str
    object: Literal["model"]
    type: Literal["inpaint"]
    created: int
    owned_by: Literal["venice.ai"]  # the only value that the contract's schema has
    model_spec: ModelSpec


class ModelList(TypedDict):
    """The models of a type."""

    object: Literal["list"]
    type: ModelType
    data: list[ModelResponse]


def list_models(kind: ModelType, catalog: Catalog, available: Collection[str], limits: Limits) -> ModelList:
    """List the models of a type; all of them edit images, so other types have none.

    Args:
        available: ids of the models that can run now.
    """
    models = catalog if kind in _TYPES_WITH_MODELS else ()
    data = [_response(model, model.id in available, limits) for model in models]
    return {"object": "list", "type": kind, "data": data}


def _response(model: Model, available: bool, limits: Limits) -> ModelResponse:
    spec: ModelSpec = {
        "name": model.name,
        "privacy": model.privacy,
        "offline": not available,
        "traits": [],
        "constraints": _constraints(model, limits),
        "pricing": _pricing(model),
    }
    if model.uncensored:
        spec["uncensored"] = True
    if model.remark:
        spec["description"] = model.remark
    return {
        "id": model.id,
        "object": "model",
        "type": "inpaint",
        "created": model.created,
        "owned_by": "venice.ai",
        "model_spec": spec,
    }


def _constraints(model: Model, limits: Limits) -> Constraints:
    constraints: Constraints = {
        "aspectRatios": list(model.ratios),
        "promptCharacterLimit": min(model.prompt_limit, limits.max_prompt_characters),
        "combineImages": model.combine_images,
        "maxInputImages": min(model.max_images, limits.max_images),
        "singleImageAspectRatio": True,
    }
    if model.default_tier:
        constraints |= {"resolutions": list(model.tiers), "defaultResolution": model.default_tier}
    if model.default_quality:
        constraints |= {"qualities": list(model.qualities), "defaultQuality": model.default_quality}
    return constraints


def _pricing(model: Model) -> Pricing:
    price = model.price
    pricing: Pricing = {"inpaint": _amount(price.base)}
    if price.tiers:
        pricing["resolutions"] = {tier: _amount(usd) for tier, usd in price.tiers.items()}
    if price.quality:
        pricing["quality"] = {
            tier: {quality: _amount(usd) for quality, usd in by_quality.items()}
            for tier, by_quality in price.quality.items()
        }
    if price.additional_image:
        pricing["inputImages"] = {
            "included": price.included_images,
            "additional": _amount(price.additional_image),
        }
    return pricing


def _amount(usd: float) -> Amount:
    return {"usd": usd, "diem": usd}


async def _models(call: Call) -> web.StreamResponse:
    service = call.service
    kind = choice(call.request.query.get("type", _DEFAULT_TYPE), "type", options=get_args(ModelType))
    available = await service.backend.models()
    return web.json_response(list_models(cast(ModelType, kind), service.catalog, available, service.limits))


ROUTE = Route(
    "GET", "/v1/models", "listModels", _models, "open", "List the models: limits, prices and availability",
    ModelList, query={"type": ModelType}, error_descriptions={400: "Unknown type"},
)  # fmt: skip
