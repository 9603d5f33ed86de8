"""The `model` combo: each model offers only the ratios, tiers and qualities that it takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from comfy_api.latest import io

from ..pipelines.catalog.model import AUTO, Model


def model_options(models: Iterable[Model], *, qualities: bool) -> list[io.DynamicCombo.Option]:
    """Make the options of an input `model`; with `qualities`, models that have a quality setting offer it."""
    return [io.DynamicCombo.Option(model.id, _children(model, qualities)) for model in models]


def unless_auto(model: Mapping[str, str], name: str) -> str | None:
    """The value of a widget below `model`; None where it is on auto or not there."""
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
                tooltip="The model's own quality setting; not that of a JPEG. auto is its default.",
            )
        )
    return children


def ratio_input(ratios: Iterable[str]) -> io.Input:
    return io.Combo.Input(
        "aspect_ratio",
        options=[AUTO, *ratios],
        tooltip="The shape of the result, width:height. auto is the first image's own, and for a "
        "closed model the closest of its list. layer-composite keeps the first image's own size where no "
        "resolution is given either.",
    )


def snap_ratio_input() -> io.Input:
    return io.Boolean.Input(
        "snap_ratio",
        optional=True,
        default=False,
        advanced=True,
        tooltip="With aspect_ratio on auto: the closest ratio of the model's list instead of the first "
        "image's own, as closed models have it.",
    )


def tier_input(tiers: Iterable[str]) -> io.Input:
    return io.Combo.Input(
        "resolution",
        options=[AUTO, *tiers],
        tooltip="The size of the result as an area at the ratio: 1K is 1024x1024 pixels, 2K 2048x2048, 4K "
        "4096x4096. auto is the model's default; with keep_size the closest to the first image.",
    )
