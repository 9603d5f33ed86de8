"""Safe Mode."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io

from ..pipelines.safety.classifiers.specs import CLASSIFIERS, EMBEDDED
from .progress import reporter

if TYPE_CHECKING:
    from ..pipelines.safety.classifiers.classifier import ClassifierLoader
    from ..pipelines.safety.policy import OnMissing
    from ..pipelines.safety.settings import SafetySettings

_BOTH = "light and recommended"
_CLASSIFIERS = {**{name: (name,) for name in CLASSIFIERS}, _BOTH: ("light", "recommended")}


class MultiEditSafeMode(io.ComfyNode):
    """Blurs what is classified as adult, picture by picture."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MultiEditSafeMode",
            display_name="Safe Mode",
            category="MultiEdit",
            description=(
                "Blurs each picture of a batch that a classifier takes for pornographic, and lets the others "
                "through unchanged. A picture that cannot be judged is blurred too. A filter for what is "
                "shown, no security boundary."
            ),
            search_aliases=["nsfw", "safety checker", "content filter", "blur adult", "censor", "moderation"],
            inputs=_inputs(),
            outputs=_outputs(),
        )

    @classmethod
    def check_lazy_status(
        cls, classifier: str | None = None, on_missing: OnMissing | None = None, **others: Any
    ) -> list[str]:
        """Ask for the image only once there is what judges it: a missing classifier must not cost it."""
        from ..pipelines.safety.screening import require_classifier

        settings = _settings(classifier, on_missing=on_missing)
        require_classifier(_loader(settings), settings.policy)
        return ["image"]

    @classmethod
    def execute(
        cls,
        image: Any,
        classifier: str | None = None,
        threshold: dict[str, Any] | None = None,
        batch: dict[str, Any] | None = None,
        tiles: bool | None = None,
        on_missing: OnMissing | None = None,
    ) -> io.NodeOutput:
        from ..pipelines.safety.report import reports_json
        from ..pipelines.safety.screening import screen

        settings = _settings(classifier, **_strictness(threshold), tiles=tiles, on_missing=on_missing)
        result = screen(
            image,
            _loader(settings),
            settings.policy,
            frames_per_second=(batch or {}).get("fps"),
            progress=reporter(),
        )
        blurred = [report.blurred for report in result.reports]
        scores = [1.0 if report.score is None else report.score for report in result.reports]
        return io.NodeOutput(result.image, blurred, scores, reports_json(result.reports))


def _settings(classifier: str | None, **policy: Any) -> SafetySettings:
    """The environment's, which a graph that leaves inputs out gets, with what is given instead."""
    import folder_paths

    from ..pipelines.safety.settings import SafetySettings

    settings = SafetySettings.from_environment()
    folders = tuple(Path(folder) for folder in folder_paths.get_folder_paths("classifiers"))
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


def _loader(settings: SafetySettings) -> ClassifierLoader:
    from ..pipelines.safety.classifiers.loader import classifier_loader
    from .managed_weights import in_comfyui

    return classifier_loader(settings.classifiers, settings.store, in_comfyui)


def _inputs() -> list[io.Input]:
    return [
        io.Image.Input(
            "image", lazy=True, tooltip="The pictures to check, RGB or RGBA; each is judged by itself."
        ),
        io.Combo.Input(
            "classifier",
            optional=True,
            options=list(_CLASSIFIERS),
            default=EMBEDDED,
            tooltip="What judges: open_nsfw, which is part of the pack and knows photographs only, or one "
            "that `multiedit safety fetch` downloads: light (22 MB), recommended (173 MB), or both, where "
            "either can flag.",
        ),
        _threshold(),
        io.DynamicCombo.Input(
            "batch",
            optional=True,
            options=[
                io.DynamicCombo.Option("pictures", []),
                io.DynamicCombo.Option(
                    "clip",
                    [
                        io.Float.Input(
                            "fps",
                            default=24.0,
                            min=0.1,
                            max=1000.0,
                            step=0.01,
                            tooltip="Frames a second of the clip.",
                        )
                    ],
                ),
            ],
            tooltip="What the batch is: pictures, each with its own verdict, or the frames of a clip, where "
            "one frame blurs all. Of a clip over 64 frames one every half second and the first of each "
            "scene are judged.",
        ),
        io.Boolean.Input(
            "tiles",
            optional=True,
            default=False,
            advanced=True,
            tooltip="Judge pictures over 2 megapixels in four overlapping quarters as well, to see what is "
            "small in them. Takes longer.",
        ),
        io.Combo.Input(
            "on_missing",
            optional=True,
            options=["error", "blur_all"],
            default="error",
            advanced=True,
            tooltip="What happens where the classifier's weights cannot be read: an error, or every "
            "picture is blurred. Damaged weights are always an error.",
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
                        tooltip="A picture with this score or a higher one is blurred: 0 blurs "
                        "everything, lower is stricter. For open_nsfw plain grey has 0.195.",
                    )
                ],
            ),
        ],
        tooltip="From which score on a picture is blurred: the classifier's own (0.5), a stricter or a "
        "looser one, or one of your choice.",
    )


def _outputs() -> list[io.Output]:
    # Lists: one value for each picture of the batch, which is how core hands on several plain values.
    return [
        io.Image.Output("image", tooltip="The pictures, same shape and count; blurred where they failed."),
        io.Boolean.Output(
            "blurred", is_output_list=True, tooltip="For each picture, whether it was blurred."
        ),
        io.Float.Output(
            "score",
            is_output_list=True,
            tooltip="For each picture, 0 (safe) to 1 (not safe); 1 where it could not be judged.",
        ),
        io.String.Output(
            "report",
            tooltip="The verdicts as a JSON list, one for each picture. Wire it to Save Edited Image, so "
            "that a blurred picture is saved without its recipe.",
        ),
    ]
