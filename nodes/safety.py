"""Safe Mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from comfy_api.latest import io

from .progress import reporter

if TYPE_CHECKING:
    from ..pipelines.safety.policy import OnMissing


class MultiEditSafeMode(io.ComfyNode):
    """Blurs what is classified as adult, picture by picture."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MultiEditSafeMode",
            display_name="Safe Mode",
            category="MultiEdit",
            description=(
                "Blurs each picture of a batch that a classifier (open_nsfw) takes for pornographic, and "
                "lets the others through unchanged. A picture that cannot be judged is blurred too. A basic "
                "check for photographs, no security boundary."
            ),
            search_aliases=["nsfw", "safety checker", "content filter", "blur adult", "censor", "moderation"],
            inputs=_inputs(),
            outputs=_outputs(),
        )

    @classmethod
    def execute(
        cls, image: Any, threshold: dict[str, Any] | None = None, on_missing: OnMissing = "error"
    ) -> io.NodeOutput:
        from ..pipelines.safety.open_nsfw import default_classifier
        from ..pipelines.safety.policy import Policy
        from ..pipelines.safety.report import reports_json
        from ..pipelines.safety.screen import screen

        result = screen(
            image,
            default_classifier,
            Policy(threshold=(threshold or {}).get("score"), on_missing=on_missing),
            progress=reporter(),
        )
        blurred = [report.blurred for report in result.reports]
        scores = [1.0 if report.score is None else report.score for report in result.reports]
        return io.NodeOutput(result.image, blurred, scores, reports_json(result.reports))


def _inputs() -> list[io.Input]:
    return [
        io.Image.Input("image", tooltip="The pictures to check, RGB or RGBA; each is judged by itself."),
        io.DynamicCombo.Input(
            "threshold",
            optional=True,
            options=[
                io.DynamicCombo.Option("default", []),
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
                            "everything, lower is stricter. Plain grey has 0.195.",
                        )
                    ],
                ),
            ],
            tooltip="The score from which on a picture is blurred: the classifier's own (0.5), or one of "
            "your choice.",
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
