"""The widgets that change a profile's sampling, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from comfy.samplers import KSampler
from comfy_api.latest import io

from ..pipelines.adapters.comfyui.families import SHIFTED
from ..pipelines.adapters.comfyui.profiles.sampling import LARGEST_SHIFT, Sampling, with_sampling
from ..pipelines.adapters.comfyui.profiles.selection import ProfileSelection
from ..pipelines.catalog.model import AUTO
from ..pipelines.common.errors import InvalidRequest, MultiEditError
from ..pipelines.common.settings import Limits
from ..pipelines.common.validation import describe
from ..pipelines.planning.model_options import LARGEST_CFG

OWN = -1  # of a number: the profile's
_SMALLEST = 0.01  # of denoise and shift


class SampledNode(io.ComfyNode):
    """A node with `sampling_inputs`."""

    @classmethod
    def validate_inputs(
        cls,
        steps: int | None = None,
        cfg: float | None = None,
        denoise: float | None = None,
        shift: float | None = None,
    ) -> bool | str:
        """Before anything is loaded; None is a value that is linked."""
        given = {"steps": steps, "cfg": cfg, "denoise": denoise, "shift": shift}
        try:
            read_sampling({name: value for name, value in given.items() if value is not None})
        except MultiEditError as error:
            return error.message
        return True


def sampling_inputs() -> list[io.Input]:
    """Widgets for everything that a user may change in a profile; as they come they change nothing."""
    return [
        io.Int.Input(
            "steps",
            optional=True,
            default=OWN,
            min=OWN,
            max=Limits.from_environment().max_steps,
            tooltip="Sampling steps; -1 is the profile's.",
        ),
        _number("cfg", LARGEST_CFG, "Strength of the guidance; 1 is without it, -1 is the profile's."),
        _names("sampler", KSampler.SAMPLERS, "ComfyUI's sampler; auto is the profile's."),
        _names("scheduler", KSampler.SCHEDULERS, "ComfyUI's scheduler; auto is the profile's."),
        io.Float.Input(
            "denoise",
            optional=True,
            default=1.0,
            min=0.0,
            max=1.0,
            step=0.01,
            advanced=True,
            tooltip="Share of the noise: below 1 sampling starts from image_1 and keeps more of it.",
        ),
        _number("shift", LARGEST_SHIFT, "Shift of the schedule; -1 is the profile's.", advanced=True),
        io.String.Input(
            "negative_prompt",
            optional=True,
            multiline=True,
            dynamic_prompts=True,
            default="",
            advanced=True,
            tooltip="What the image should not show; read where cfg is not 1.",
        ),
    ]


def _number(name: str, largest: float, tooltip: str, advanced: bool = False) -> io.Input:
    return io.Float.Input(
        name,
        optional=True,
        default=OWN,
        min=OWN,
        max=largest,
        step=0.1,
        round=0.01,
        advanced=advanced,
        tooltip=tooltip,
    )


def _names(name: str, names: list[str], tooltip: str) -> io.Input:
    return io.Combo.Input(name, optional=True, options=[AUTO, *names], default=AUTO, tooltip=tooltip)


def read_sampling(widgets: Mapping[str, Any]) -> Sampling:
    """Read the widgets; one that is not sent changes nothing.

    Raises:
        InvalidRequest: a number is out of its range.
    """
    sampler, scheduler = (
        None if (name := widgets.get(widget, AUTO)) == AUTO else name for widget in ("sampler", "scheduler")
    )
    return Sampling(
        steps=_own(widgets, "steps", 1, Limits.from_environment().max_steps),
        cfg=_own(widgets, "cfg", 0.0, LARGEST_CFG),
        sampler=sampler,
        scheduler=scheduler,
        denoise=_in_range("denoise", widgets.get("denoise", 1.0), _SMALLEST, 1.0),
        shift=_own(widgets, "shift", _SMALLEST, LARGEST_SHIFT),
        negative_prompt=widgets.get("negative_prompt") or None,
    )


def sampled_selection(selection: ProfileSelection, sampling: Sampling) -> ProfileSelection:
    """A selection with a changed sampling (see `with_sampling`)."""
    return with_sampling(selection, sampling, selection.profile.family in SHIFTED)


def _own(widgets: Mapping[str, Any], name: str, low: float, high: float) -> Any:
    value = widgets.get(name, OWN)
    return None if value == OWN else _in_range(name, value, low, high, f", or {OWN} for the profile's")


def _in_range(name: str, value: Any, low: float, high: float, also: str = "") -> Any:
    if not low <= value <= high:
        raise InvalidRequest(
            f"{name} is {describe(value)}; it must be {low:g} to {high:g}{also}.",
            field=name,
        )
    return value
