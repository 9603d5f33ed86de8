"""Safe Mode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import folder_paths
from comfy_api.latest import io

from ..pipelines.safety.classifiers.specs import CLASSIFIERS, EMBEDDED
from .dynamic_options import UNSENT, refuse_unknown
from .progress import interruptible_torch, progress_callback
from .result_pictures import result_pictures
from .socket_values import output_tensor
from .stage_pictures import TOLD_AGAIN

if TYPE_CHECKING:
    from ..pipelines.safety.classifiers.classifier import ClassifierLoader
    from ..pipelines.safety.policy import OnMissing
    from ..pipelines.safety.report import SafetyReport
    from ..pipelines.safety.settings import SafetySettings

_TOGETHER = (EMBEDDED, ("light", "recommended"))
_CLASSIFIERS = {" and ".join(names): names for names in (*_TOGETHER, *((name,) for name in CLASSIFIERS))}
_DEFAULT = " and ".join(EMBEDDED)


class MultiEditSafeMode(io.ComfyNode):
    """Blur images that are classified as adult."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MultiEditSafeMode",
            display_name="Safe Mode",
            category="MultiEdit",
            description=(
                "Blurs each image of a batch that a classifier flags as pornographic, and passes the others "
                "through unchanged. An image that cannot be classified is blurred too. A filter for what "
                "is shown, not a security boundary."
            ),
            search_aliases=["nsfw", "safety checker", "content filter", "blur adult", "censor", "moderation"],
            inputs=_inputs(),
            outputs=_outputs(),
            accept_all_inputs=True,
            **TOLD_AGAIN,
        )

    @classmethod
    def validate_inputs(cls, threshold: Any = UNSENT, batch: Any = UNSENT) -> bool | str:
        return refuse_unknown(cls, threshold=threshold, batch=batch)

    @classmethod
    async def check_lazy_status(
        cls,
        classifier: str | None = None,
        on_missing: OnMissing | None = None,
        download_weights: bool | None = None,
        **others: Any,
    ) -> list[str]:
        """Request the image only once the classifier is there: a missing one must not cost the sampling."""
        from ..pipelines.safety.screening import require_classifier
        from .classifier_weights import require_weights

        settings = node_settings(classifier, on_missing=on_missing)
        await require_weights(settings, bool(download_weights))
        require_classifier(node_loader(settings), settings.policy)
        return ["image"]

    @classmethod
    @interruptible_torch()
    def execute(
        cls,
        image: Any,
        classifier: str | None = None,
        threshold: dict[str, Any] | None = None,
        batch: dict[str, Any] | None = None,
        tiles: bool | None = None,
        on_missing: OnMissing | None = None,
        download_weights: bool | None = None,
        **others: Any,
    ) -> io.NodeOutput:
        from ..pipelines.images.tensor_input import image_batch
        from ..pipelines.safety.screening import screen

        settings = node_settings(classifier, **_strictness(threshold), tiles=tiles, on_missing=on_missing)
        screened, reports = screen(
            image_batch(image, "image"),
            node_loader(settings),
            settings.policy,
            frames_per_second=(batch or {}).get("fps"),
            progress=progress_callback(),
        )
        return _output(output_tensor(screened), reports)


def _output(image: Any, reports: Sequence[SafetyReport]) -> io.NodeOutput:
    """The outputs, and what the page shows of them."""
    from ..pipelines.safety.report import reports_json

    blurred = [report.blurred for report in reports]
    scores = [1.0 if report.score is None else report.score for report in reports]
    shown = result_pictures(image, reports=reports) or None
    return io.NodeOutput(image, blurred, scores, reports_json(reports), ui=shown)


def node_settings(classifier: str | None = None, **policy: Any) -> SafetySettings:
    """The environment's settings, which also hold for inputs that a graph leaves out, with those given."""
    from ..pipelines.safety.settings import SafetySettings

    settings = SafetySettings.from_environment()
    own = (Path(folder) for folder in folder_paths.get_folder_paths("classifiers"))
    # Last where the command line puts them, in case that is another folder.
    folders = tuple(dict.fromkeys((*own, *settings.store.folders)))
    given = {name: value for name, value in policy.items() if value is not None}
    return SafetySettings(
        replace(settings.store, folders=folders),
        _CLASSIFIERS[classifier] if classifier else settings.classifiers,
        replace(settings.policy, **given),
    )


def _strictness(threshold: dict[str, Any] | None) -> dict[str, Any]:
    if threshold is None:
        return {}
    if threshold["threshold"] == "custom":
        return {"preset": "default", "threshold": threshold["score"]}
    return {"preset": threshold["threshold"]}


def node_loader(settings: SafetySettings) -> ClassifierLoader:
    from ..pipelines.safety.classifiers.loader import classifier_loader
    from .managed_weights import in_comfyui

    return classifier_loader(settings.classifiers, settings.store, in_comfyui)


def _inputs() -> list[io.Input]:
    return [
        io.Image.Input(
            "image", lazy=True, tooltip="The images to check, RGB or RGBA; each is classified by itself."
        ),
        io.Combo.Input(
            "classifier",
            optional=True,
            options=list(_CLASSIFIERS),
            default=_DEFAULT,
            tooltip="The classifier; of two either can flag. Part of the pack are open_nsfw, for "
            "photographs, and nsfwjs, for photographs and drawings. download_weights downloads light (22 MB) "
            "and recommended (173 MB).",
        ),
        _threshold(),
        io.DynamicCombo.Input(
            "batch",
            optional=True,
            options=[
                io.DynamicCombo.Option("images", []),
                io.DynamicCombo.Option(
                    "video",
                    [
                        io.Float.Input(
                            "fps",
                            default=24.0,
                            min=0.1,
                            max=1000.0,
                            step=0.01,
                            tooltip="Frames per second of the video.",
                        )
                    ],
                ),
            ],
            tooltip="What the batch is: images, each decided by itself, or the frames of a video, where one "
            "flagged frame blurs all. Of a video over 64 frames one every half second and the first of "
            "each scene are classified.",
        ),
        io.Boolean.Input(
            "tiles",
            optional=True,
            default=False,
            advanced=True,
            tooltip="Also classify four overlapping quarters of images over 2 megapixels, to find small "
            "content. Takes longer.",
        ),
        *_weights(),
    ]


def _weights() -> list[io.Input]:
    return [
        io.Combo.Input(
            "on_missing",
            optional=True,
            options=["error", "blur_all"],
            default="error",
            advanced=True,
            tooltip="If the classifier's weights cannot be read: raise an error, or blur every image. "
            "Damaged weights are always an error.",
        ),
        io.Boolean.Input(
            "download_weights",
            optional=True,
            default=False,
            tooltip="Download the classifier's weights from huggingface.co if they are missing, once, into "
            "models/classifiers, and check their sha256. While this is off, nothing is downloaded.",
        ),
    ]


def _threshold() -> io.DynamicCombo.Input:
    return io.DynamicCombo.Input(
        "threshold",
        optional=True,
        options=[
            io.DynamicCombo.Option("default", []),
            io.DynamicCombo.Option("strict", []),
            io.DynamicCombo.Option("loose", []),
            io.DynamicCombo.Option(
                "custom",
                [
                    io.Float.Input(
                        "score",
                        default=0.5,
                        min=0.0,
                        max=1.0,
                        step=0.01,
                        tooltip="Images with this score or a higher one are blurred: 0 blurs "
                        "everything, lower is stricter. It holds for every class that counts by default. For "
                        "open_nsfw plain grey has 0.195.",
                    )
                ],
            ),
        ],
        tooltip="The score from which on an image is blurred: the classifier's own, a stricter one, which "
        "for nsfwjs also counts the class sexy, a looser one, or a custom one.",
    )


def _outputs() -> list[io.Output]:
    # Lists: one value for each image of the batch, which is how core hands on several plain values.
    return [
        io.Image.Output("image", tooltip="The images, same shape and count; flagged ones blurred."),
        io.Boolean.Output("blurred", is_output_list=True, tooltip="For each image, whether it was blurred."),
        io.Float.Output(
            "score",
            is_output_list=True,
            tooltip="For each image, 0 (safe) to 1 (not safe); 1 where it could not be classified.",
        ),
        io.String.Output(
            "report",
            tooltip="The decisions as a JSON list, one for each image. Connect it to Save Edited Image, so "
            "that blurred images are saved without the workflow.",
        ),
    ]
