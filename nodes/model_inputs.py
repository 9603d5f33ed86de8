"""Models as a dynamic choice: each offers only the ratios, tiers and qualities that it takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from comfy_api.latest import io

from ..pipelines.adapters.local import LOCAL_MODELS
from ..pipelines.catalog.lookup import load_catalog
from ..pipelines.catalog.model import AUTO, Model
from ..pipelines.common.errors import InvalidRequest


def model_input(models: Iterable[Model], tooltip: str, *, qualities: bool) -> io.DynamicCombo.Input:
    """The input `model`; with `qualities` a model that has some offers them."""
    options = model_options(models, qualities=qualities)
    return io.DynamicCombo.Input("model", options=options, tooltip=tooltip)


def model_options(models: Iterable[Model], *, qualities: bool) -> list[io.DynamicCombo.Option]:
    return [io.DynamicCombo.Option(model.id, _children(model, qualities)) for model in models]


def known_models() -> list[Model]:
    """The catalogue, what runs everywhere first, since the first option is the default."""
    return sorted(load_catalog(), key=lambda model: model.id not in LOCAL_MODELS)


def offered(model: Mapping[str, str] | None) -> Mapping[str, str]:
    """The input `model` as it came.

    Raises:
        InvalidRequest: ComfyUI drops the value of a dynamic choice that is not in the list, unsaid.
    """
    if model is None:
        raise InvalidRequest(
            "model is not one that this node offers. Choose one from its list; on this machine "
            f"{', '.join(LOCAL_MODELS)} can run. Closed models are in it where a provider is configured.",
            field="model",
        )
    return model


def chosen(model: Mapping[str, str], name: str) -> str | None:
    """A child of the input `model`, None where it leaves the decision to us."""
    value = model.get(name)
    return None if value == AUTO else value


def _children(model: Model, qualities: bool) -> list[io.Input]:
    children = [ratio_input(model.fixed_ratios)]
    if model.tiers:
        children.append(tier_input(model.tiers))
    if qualities and model.qualities:
        children.append(
            io.Combo.Input(
                "quality",
                options=[AUTO, *model.qualities],
                tooltip="What the model spends on the edit; not the quality of a JPEG. auto is its default.",
            )
        )
    return children


def ratio_input(ratios: Iterable[str]) -> io.Input:
    return io.Combo.Input(
        "aspect_ratio",
        options=[AUTO, *ratios],
        tooltip="The shape of the result, width:height. auto takes the closest to the first image.",
    )


def tier_input(tiers: Iterable[str]) -> io.Input:
    return io.Combo.Input(
        "resolution",
        options=[AUTO, *tiers],
        tooltip="The size of the result as an area at the ratio: 1K is 1024x1024 pixels, 2K 2048x2048, 4K "
        "4096x4096. auto is the model's default; with keep_size the closest to the first image.",
    )
