"""What ComfyUI is told of our nodes: ids, tooltips, aliases, and the flat form of the dynamic inputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("comfy_api.latest")
pytestmark = pytest.mark.comfyui

PLACEMENT = "blend_mode opacity fit anchor offset_x offset_y unit scale rotation flip_h flip_v seamless"
PAIRS = " ".join(f"image_{n} mask_{n}" for n in range(1, 9))
SAMPLING = "steps cfg sampler scheduler denoise shift negative_prompt"
FURTHER = " ".join(f"image_{n}" for n in range(2, 11))

# id: display name, required inputs, optional inputs, outputs
NODES: dict[str, tuple[str, str, str, str]] = {
    "MultiEditLoadLayers": (
        "Load Layered Images",
        "image_1",
        "image_2 image_3 upload_3 upload_2 upload",
        "image_1 mask_1 image_2 mask_2 image_3 mask_3 layers",
    ),
    "MultiEditLoadUrl": (
        "Load Image from URL",
        "url",
        "refresh",
        "image mask",
    ),
    "MultiEditCompose": (
        "Compose Layers",
        "",
        f"layers {PAIRS} {PLACEMENT} z_index canvas background per_image",
        "image mask layers",
    ),
    "MultiEditResolveSize": (
        "Resolve Size",
        "model",
        "keep_size image snap_ratio",
        "width height aspect_ratio resolution notes",
    ),
    "MultiEditEdit": (
        "Multi-Edit",
        "model prompt image_1 seed",
        f"{FURTHER} mask keep_size {PLACEMENT} per_image snap_ratio extend loaded_model prompt_upsampler",
        "image plan summary",
    ),
    "MultiEditSafeMode": (
        "Safe Mode",
        "image",
        "classifier threshold batch tiles on_missing download_weights",
        "image blurred score report",
    ),
    "MultiEditSave": (
        "Save Edited Image",
        "images filename_prefix format",
        "metadata report plan before",
        "filename",
    ),
    "MultiEditLoadModel": (
        "Load Multi-Edit Model",
        "model",
        "diffusion_model text_encoder vae lora weight_dtype strength_model text_encoder_2",
        "loaded_model model clip vae",
    ),
    "MultiEditModelFromParts": (
        "Multi-Edit Model from Parts",
        "model clip vae profile",
        SAMPLING,
        "loaded_model",
    ),
    "MultiEditLora": (
        "Multi-Edit LoRA",
        "loaded_model lora_name strength_model",
        "",
        "loaded_model",
    ),
    "MultiEditSampling": (
        "Multi-Edit Sampling",
        "loaded_model",
        SAMPLING,
        "loaded_model",
    ),
    "MultiEditExtend": (
        "Extend Image",
        "image extend fill",
        "mask",
        "image mask",
    ),
    "MultiEditImageToLayers": (
        "Image to Layers",
        "loaded_model image",
        "prompt layers seed sampling_megapixels",
        "layers images summary",
    ),
    "MultiEditCompare": ("Compare Images", "before after", "", ""),
}


def described(info: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every input of an /object_info description, with those inside dynamic ones."""
    for inputs in info.values():
        for name, (_, options) in inputs.items():
            yield name, options
            for option in options.get("options", []):
                if isinstance(option, dict):
                    yield from described(option["inputs"])
            if "template" in options:
                yield from described(options["template"]["input"])


@pytest.fixture(params=NODES)
def node(request: pytest.FixtureRequest, comfyui: Any) -> Any:
    return comfyui.NODE_CLASS_MAPPINGS[request.param]


def test_all_nodes_are_registered_by_their_own_ids(comfyui: Any) -> None:
    from multiedit.nodes.registry import INNER_NODES, NODE_CLASS_MAPPINGS

    assert list(NODE_CLASS_MAPPINGS) == list(NODES)
    for name, node in {**NODE_CLASS_MAPPINGS, **INNER_NODES}.items():
        assert node.GET_SCHEMA().node_id == name == node.__name__


def test_inner_nodes_are_offered_to_developers_only(comfyui: Any) -> None:
    from multiedit.nodes.registry import INNER_NODES, NODE_CLASS_MAPPINGS

    assert all(node.GET_SCHEMA().is_dev_only for node in INNER_NODES.values())
    assert not any(node.GET_SCHEMA().is_dev_only for node in NODE_CLASS_MAPPINGS.values())


def test_the_sockets_are_these(node: Any) -> None:
    schema = node.GET_SCHEMA()
    name, required, optional, outputs = NODES[schema.node_id]
    inputs = node.INPUT_TYPES()
    assert schema.display_name == name
    assert list(inputs["required"]) == required.split()
    assert list(inputs.get("optional", {})) == optional.split()
    assert [output.id for output in schema.outputs] == outputs.split()


def test_everything_is_explained(node: Any) -> None:
    schema = node.GET_SCHEMA()
    assert schema.category == "MultiEdit"
    assert schema.description.endswith(".")
    assert len(schema.search_aliases) >= 5
    assert all(output.tooltip for output in schema.outputs)
    inputs = {key: value for key, value in node.INPUT_TYPES().items() if key != "hidden"}
    unexplained = [name for name, options in described(inputs) if not options.get("tooltip")]
    assert unexplained == []


@pytest.mark.parametrize(
    ("name", "ends"),
    [("opacity", (0, 1)), ("scale", (0.001, 100)), ("rotation", (-360, 360)), ("offset_x", (-16384, 16384))],
)
def test_placement_widgets_have_the_limits_of_the_reader(
    comfyui: Any, name: str, ends: tuple[float, float]
) -> None:
    from multiedit.pipelines.common.errors import InvalidRequest
    from multiedit.pipelines.layers.placement import PLACEMENT_FIELDS, Placement, read_placement

    optional = comfyui.NODE_CLASS_MAPPINGS["MultiEditCompose"].INPUT_TYPES()["optional"]
    shared = set(PLACEMENT_FIELDS) - {"z", "visible"}  # which per_image alone has
    assert shared <= set(optional)
    defaults = {field: optional[field][1]["default"] for field in shared}
    assert Placement(**defaults) == Placement()
    options = optional[name][1]
    assert (options["min"], options["max"]) == ends
    for end, beyond in ((options["min"], -1), (options["max"], 1)):
        read_placement({name: end}, "p")
        with pytest.raises(InvalidRequest):
            read_placement({name: end + beyond}, "p")


def test_the_embedded_model_and_a_loaded_one_are_offered_for_editing(comfyui: Any) -> None:
    model = comfyui.NODE_CLASS_MAPPINGS["MultiEditEdit"].INPUT_TYPES()["required"]["model"]
    embedded, loaded = model[1]["options"]
    assert (embedded["key"], loaded["key"]) == ("layer-composite", "from loader")
    assert list(embedded["inputs"]["required"]) == ["aspect_ratio", "resolution"]
    assert embedded["inputs"]["required"]["resolution"][1]["options"] == ["auto", "1K", "2K", "4K"]
    assert list(loaded["inputs"]["required"]) == ["aspect_ratio", "resolution"]
    assert list(loaded["inputs"]["optional"]) == [
        "batch_size", "crop_and_stitch", "sampling_megapixels", "reference_megapixels",
        "on_out_of_memory", "kv_cache", "easy_cache",
        "mask_grow", "mask_feather", "mask_pull_in", "mask_context", "mask_fill", "mask_color_match",
        "mask_align",
    ]  # fmt: skip


def test_each_model_offers_its_own_profiles(comfyui: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def offered() -> dict[str, list[str]]:
        model = comfyui.NODE_CLASS_MAPPINGS["MultiEditLoadModel"].INPUT_TYPES()["required"]["model"]
        children = {option["key"]: option["inputs"].get("required", {}) for option in model[1]["options"]}
        return {key: inputs["profile"][1]["options"] for key, inputs in children.items() if inputs}

    assert offered()["qwen-edit"][0] == "auto"
    assert all("2511" in profile for profile in offered()["qwen-edit"][1:])
    assert "qwen-image-2-edit" not in offered()
    monkeypatch.setenv("MULTIEDIT_MODEL_ALIASES", "qwen-image-2-edit=qwen-edit")
    assert offered()["qwen-image-2-edit"] == offered()["qwen-edit"]


def test_every_model_of_the_catalogue_can_be_asked_for_its_sizes(comfyui: Any) -> None:
    from multiedit.pipelines.catalog.lookup import load_catalog

    model = comfyui.NODE_CLASS_MAPPINGS["MultiEditResolveSize"].INPUT_TYPES()["required"]["model"]
    keys = [option["key"] for option in model[1]["options"]]
    assert keys[0] == "layer-composite"
    assert sorted(keys) == sorted(model.id for model in load_catalog())
    for option in model[1]["options"]:
        ratios = option["inputs"]["required"]["aspect_ratio"][1]["options"]
        assert len(ratios) == len(set(ratios))
        assert ratios[0] == "auto"


def test_images_grow_to_the_limit_of_a_graph(comfyui: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def names() -> list[str]:
        optional = comfyui.NODE_CLASS_MAPPINGS["MultiEditEdit"].INPUT_TYPES()["optional"]
        return ["image_1", *(name for name in optional if name.startswith("image_"))]

    assert names() == [f"image_{number}" for number in range(1, 11)]
    monkeypatch.setenv("MULTIEDIT_MAX_IMAGES", "5")
    assert names()[-1] == "image_5"


def test_a_run_is_not_made_again_for_a_seed_that_the_model_does_not_use(comfyui: Any) -> None:
    seed = comfyui.NODE_CLASS_MAPPINGS["MultiEditEdit"].INPUT_TYPES()["required"]["seed"]
    assert seed[1]["control_after_generate"] == "fixed"


def test_the_files_of_a_loader_are_top_level_combos_with_upload(comfyui: Any) -> None:
    """Only for those the frontend has thumbnails, an upload and the search for missing files."""
    inputs = comfyui.NODE_CLASS_MAPPINGS["MultiEditLoadLayers"].INPUT_TYPES()
    inputs = {**inputs["required"], **inputs["optional"]}
    for number in (1, 2, 3):
        kind, combo = inputs[f"image_{number}"]
        assert kind == "COMBO"
        assert (combo["image_upload"], combo["image_folder"]) == (True, "input")
        assert ("none [temp]" in list(combo["options"])) is ("none" in combo["options"]) is (number > 1)
        kind, upload = inputs["upload" if number == 1 else f"upload_{number}"]
        assert kind == "IMAGEUPLOAD"
        assert (upload["imageInputName"], upload["image_folder"]) == (f"image_{number}", "input")


def test_no_socket_counts_as_a_widget_when_a_node_is_restored(node: Any) -> None:
    inputs = {key: value for key, value in node.INPUT_TYPES().items() if key != "hidden"}
    assert [name for name, options in described(inputs) if options.get("forceInput")] == []


@pytest.mark.parametrize(
    ("name", "step"), [("offset_x", 0.01), ("offset_y", 0.01), ("rotation", 0.01), ("scale", 0.001)]
)
def test_placement_widgets_have_fine_steps(comfyui: Any, name: str, step: float) -> None:
    """The frontend rounds to the step, whatever `round` says."""
    optional = comfyui.NODE_CLASS_MAPPINGS["MultiEditCompose"].INPUT_TYPES()["optional"]
    assert optional[name][1]["step"] == step


def test_only_safe_modes_report_fits_the_report_of_the_saver(comfyui: Any) -> None:
    outputs = {
        (name, output.id): output.get_io_type()
        for name in NODES
        for output in comfyui.NODE_CLASS_MAPPINGS[name].GET_SCHEMA().outputs
    }
    assert [name for name, output in outputs if output == "report"] == ["MultiEditSafeMode"]
    assert outputs["MultiEditEdit", "summary"] == outputs["MultiEditSafeMode", "report"] == "STRING"
