"""Images and prompts to what a model sees of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from comfy_api.latest import io

from ...pipelines.common.settings import Limits
from ...pipelines.common.validation import integer
from ..loaded_model import LOADED_MODEL, REFERENCE
from ..socket_values import output_tensor, values_by_number
from .sockets import FIT, FRAME, ITEM, inner_schema, read_fit, select_image, select_mask

_MOST_REFERENCES = 16
_IMAGE = io.Image.Input("image", tooltip="RGB or RGBA; transparency shows white.")


def _references() -> io.Autogrow.TemplateNames:
    names = [f"reference_{number}" for number in range(1, _MOST_REFERENCES + 1)]
    return io.Autogrow.TemplateNames(REFERENCE.Input("reference"), names=names, min=0)


class MultiEditReference(io.ComfyNode):
    """Encodes an image as a reference."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return inner_schema(
            "MultiEditReference",
            "Encode Reference",
            "Encodes an image as a reference of a loaded model, once for each content.",
            [LOADED_MODEL.Input("loaded_model"), _IMAGE, FIT, ITEM, FRAME],
            [REFERENCE.Output("reference")],
            is_input_list=True,
        )

    @classmethod
    def execute(
        cls, loaded_model: list[Any], image: list[Any], fit: list[Any], item: list[int], frame: list[int]
    ) -> io.NodeOutput:
        from .encoding import encode_reference

        frame_image = select_image(image, item, frame, "image")
        return io.NodeOutput(encode_reference(loaded_model[0], frame_image, read_fit(fit, frame_image)))


class MultiEditFit(io.ComfyNode):
    """Brings an image to the size of a reference."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return inner_schema(
            "MultiEditFit",
            "Fit Reference",
            "Brings an image to the size of a reference, for nodes that encode it themselves.",
            [
                _IMAGE,
                FIT,
                ITEM,
                FRAME,
                io.Boolean.Input(
                    "alpha", optional=True, default=False, tooltip="Keep transparency; else it shows white."
                ),
            ],
            [io.Image.Output("image")],
            is_input_list=True,
        )

    @classmethod
    def execute(
        cls,
        image: list[Any],
        fit: list[Any],
        item: list[int],
        frame: list[int],
        alpha: Sequence[bool] = (False,),
    ) -> io.NodeOutput:
        from ...pipelines.adapters.comfyui.pixels import fitted, opaque

        own = select_image(image, item, frame, "image")
        return io.NodeOutput(output_tensor(fitted(own if alpha[0] else opaque(own), read_fit(fit, own))))


class MultiEditMaskedLatent(io.ComfyNode):
    """Encodes the base and the mask to start sampling from."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return inner_schema(
            "MultiEditMaskedLatent",
            "Encode Base",
            "Encodes the base for an edit inside a mask, or one that keeps a part of it.",
            [
                LOADED_MODEL.Input("loaded_model"),
                _IMAGE,
                io.Mask.Input("mask", optional=True, tooltip="1 = change here; without one everywhere."),
                io.Int.Input(
                    "batch_size",
                    default=1,
                    min=1,
                    max=Limits.from_environment().max_batch_size,
                    tooltip="How many results.",
                ),
                FIT,
                ITEM,
                FRAME,
            ],
            [io.Latent.Output("latent")],
            is_input_list=True,
        )

    @classmethod
    def execute(
        cls,
        loaded_model: list[Any],
        image: list[Any],
        batch_size: list[int],
        fit: list[Any],
        item: list[int],
        frame: list[int],
        mask: list[Any] | None = None,
    ) -> io.NodeOutput:
        from .encoding import encode_masked_latent

        base = select_image(image, item, frame, "image")
        change = None if mask is None else select_mask(mask, item, frame, "mask")
        most = Limits.from_environment().max_batch_size
        results = integer(batch_size[0], "batch_size", low=1, high=most, setting="MULTIEDIT_MAX_BATCH_SIZE")
        latent = encode_masked_latent(loaded_model[0], base, change, read_fit(fit, base), results)
        return io.NodeOutput(latent)


class MultiEditPrompt(io.ComfyNode):
    """A text with references, encoded."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return inner_schema(
            "MultiEditPrompt",
            "Encode Prompt",
            "Encodes a text with references, once for each content.",
            [
                LOADED_MODEL.Input("loaded_model"),
                io.String.Input("prompt", multiline=True),
                io.Autogrow.Input("references", template=_references()),
                io.Boolean.Input(
                    "vision", optional=True, default=True, tooltip="The text encoder sees the references."
                ),
            ],
            [io.Conditioning.Output("conditioning")],
        )

    @classmethod
    def execute(
        cls, loaded_model: Any, prompt: str, references: dict[str, Any] | None = None, vision: bool = True
    ) -> io.NodeOutput:
        from .encoding import encode_prompt

        in_order = list(values_by_number("reference_", references or {}).values())
        return io.NodeOutput(encode_prompt(loaded_model, prompt, in_order, vision))


class MultiEditInpaint(io.ComfyNode):
    """A prompt with the base and the mask, for a model that has inputs for them."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return inner_schema(
            "MultiEditInpaint",
            "Encode Surroundings",
            "Adds the base without what the mask selects, and the mask, to an encoded prompt.",
            [
                LOADED_MODEL.Input("loaded_model"),
                io.Conditioning.Input("conditioning"),
                _IMAGE,
                io.Mask.Input("mask", tooltip="1 = change here."),
                FIT,
                ITEM,
                FRAME,
            ],
            [io.Conditioning.Output("conditioning")],
            is_input_list=True,
        )

    @classmethod
    def execute(
        cls,
        loaded_model: list[Any],
        conditioning: list[Any],
        image: list[Any],
        mask: list[Any],
        fit: list[Any],
        item: list[int],
        frame: list[int],
    ) -> io.NodeOutput:
        from .encoding import add_surroundings

        base = select_image(image, item, frame, "image")
        change = select_mask(mask, item, frame, "mask")
        fitted = read_fit(fit, base)
        return io.NodeOutput(add_surroundings(loaded_model[0], conditioning[0], base, change, fitted))
