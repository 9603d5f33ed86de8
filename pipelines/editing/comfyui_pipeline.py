"""From a request to a finished file, edited by a ComfyUI that runs elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ..adapters.comfyui.client.address import Address
from ..adapters.comfyui.client.client import ComfyUIClient, new_id
from ..adapters.comfyui.client.job import JobListener
from ..adapters.comfyui.client.pool import ServerStatus, connected, least_busy, probe
from ..adapters.comfyui.client.progress_events import Preview, PromptGraph
from ..adapters.comfyui.client.results import Outputs
from ..adapters.comfyui.client.server_models import ServerModels
from ..adapters.comfyui.measured import MEASURED
from ..catalog.lookup import Catalog
from ..common.errors import EditFailed, InvalidRequest, ModelUnavailable
from ..common.json_reader import read_json
from ..common.memory import HoldMemory, unbounded
from ..common.settings import ComfyUILimits, Limits
from ..common.threads import in_thread
from ..images.facts import ImageFacts
from ..images.input_image import ImageFile
from ..images.sniff import sniff
from ..planning.model_options import FITS_IN_PART
from ..planning.plan import DEFAULT_MODEL, EMBEDDED_MODEL, UNCHANGED, EditPlan, make_plan
from ..planning.request import EditRequest
from ..safety.report import SafetyReport, off_report
from ..safety.settings import SafetySettings
from ..sources.source import SourceLoader
from .api_note import with_api_note
from .archive import Pack
from .edit_memory import image_bytes, results_bytes
from .pipeline import EditResult, load_files, read_images, timed
from .request_safety import note_required_safe_mode, require_safe_inputs, with_required_safe_mode

if TYPE_CHECKING:
    from ..images.encode import EncodeOptions
    from .output import EncodedImage

OnDetailedStage = Callable[[str, float, str], None]
"""Called with a stage ("load", "upload", "edit", "fetch"), the share of it that is done, and a detail."""

MakeGraph = Callable[[EditPlan, Sequence[str], "EncodeOptions", str], PromptGraph]
"""(plan, names of the uploaded images, the file's settings, prefix of its name) to the graph to queue.

Its MultiEditSave writes the one file that comes back; with safe mode on, the report is wired to it.
"""

_SAME_VERSION = "Install the version of multi-edit there that runs here."
FOLDER = "multi-edit"  # of the results, in ComfyUI's output folder


@dataclass(frozen=True, eq=False)
class ComfyUIEditPipeline:
    """Runs the edits of requests on the least busy ComfyUI that has what they need.

    Images are loaded and checked on this machine, as for `EditPipeline`, and sent to the server.

    Args:
        addresses: of the ComfyUIs, one at least.
        graph: makes the graph to queue.
        safety: of this machine: the classifier that checks the images of a request where the policy says so,
            and whether safe mode may be off. The result is checked on the server, by its own settings.
        hold_memory: holds what images take while they are decoded, and several results while they are packed.
        owner: whose edits they are; callers take turns.
        keep_history: leave the jobs in the servers' history, where everybody there reads their prompts.
        clock: seconds, monotonic.
        ids: makes a name for each result that no other has, so that none is taken from a cache.
    """

    limits: Limits
    catalog: Catalog
    addresses: Sequence[Address]
    loader: SourceLoader
    models: ServerModels
    graph: MakeGraph
    server_limits: ComfyUILimits
    safety: SafetySettings
    hold_memory: HoldMemory = unbounded
    owner: str = ""
    keep_history: bool = True
    clock: Callable[[], float] = time.perf_counter
    ids: Callable[[], str] = new_id

    async def plan(self, request: EditRequest) -> EditPlan:
        """Decide the edit without carrying it out. Raises what loading, choosing and planning raise."""
        images, facts = await self._load(request)
        required = with_required_safe_mode(request, self.safety.policy)
        async with connected(self.addresses, self.server_limits) as clients:
            plan = (await self._decide(required, facts, clients))[1]
        return with_api_note(note_required_safe_mode(plan, request), request, images)

    async def edit(
        self,
        request: EditRequest,
        options: Mapping[str, Any] | None = None,
        stage: OnDetailedStage = lambda name, share, detail: None,
        preview: Callable[[Preview], None] | None = None,
    ) -> EditResult:
        """Carry the edit out. Cancelled, it leaves no job on the server; uploaded images stay there.

        Args:
            options: fields of `EncodeOptions` besides the format.
            preview: called with each preview; only without safe mode, which has not seen them.

        Raises:
            MultiEditError: any of the tree.
        """
        if preview is not None and request.safe_mode:
            raise InvalidRequest(
                "Previews show the image before safe mode has screened it. Leave them out, or "
                "switch safe mode off.",
                field="safe_mode",
            )
        asked, request = request, with_required_safe_mode(request, self.safety.policy)
        seconds: dict[str, float] = {}
        stage("load", 0.0, "")
        with timed(self.clock, seconds, "load"):
            images, facts = await self._load(request)
        async with connected(self.addresses, self.server_limits) as clients:
            with timed(self.clock, seconds, "upload"):
                client, plan = await self._decide(request, facts, clients)
                plan = with_api_note(note_required_safe_mode(plan, asked), request, images)
                names = []
                for index in range(len(images)):
                    names.append(await self._upload(client, images, index, plan, stage))
            stage("edit", 0.0, "in the queue")
            unseen = None if request.safe_mode else preview
            events = JobListener(lambda step: stage("edit", step.share, str(step)), unseen)
            with timed(self.clock, seconds, "edit"):
                graph = self._queued(plan, names, options or {})
                outputs = await client.run(graph, events, keep_history=self.keep_history)
            stage("fetch", 0.0, "")
            with timed(self.clock, seconds, "fetch"):
                async with self.hold_memory(self.owner, results_bytes(plan)):
                    file = await _fetch(client, outputs, plan)
            found = (note for note in file.notes if _is_late(note))
            plan = replace(plan, notes=(*plan.notes, *found))
            stage("fetch", 1.0, "")
        return EditResult(plan, file, seconds)

    async def _load(self, request: EditRequest) -> tuple[list[ImageFile], list[ImageFacts]]:
        """Load and check the images; their pixels are in memory no longer than that."""
        files, sizes = await load_files(request, self.loader, self.limits)
        async with self.hold_memory(self.owner, image_bytes([file.size for file in sizes])):
            images, facts = await read_images(request, files, self.limits)
            if request.safe_mode and self.safety.policy.inputs:
                classifier = self.safety.loader()
                await in_thread(partial(require_safe_inputs, images, classifier, self.safety.policy))
            for image in images:
                image.forget_pixels()
        return images, facts

    async def _upload(
        self,
        client: ComfyUIClient,
        images: Sequence[ImageFile],
        index: int,
        plan: EditPlan,
        stage: OnDetailedStage,
    ) -> str:
        image, data = images[index], images[index].data
        stage("upload", index / len(images), image.name)
        if plan.roles[index] == "mask":
            # What a mask says by its colours and its transparency is said in grey: ComfyUI takes one channel.
            async with self.hold_memory(self.owner, image_bytes([image.size])):
                data = await in_thread(partial(_grey, image))
        return await client.upload(data, image.name)

    async def _decide(
        self, request: EditRequest, facts: Sequence[ImageFacts], clients: Sequence[ComfyUIClient]
    ) -> tuple[ComfyUIClient, EditPlan]:
        """Choose where the edit runs, and plan it there."""
        asked = DEFAULT_MODEL if request.model_id is None else self.catalog.get(request.model_id).id
        models = (asked, EMBEDDED_MODEL)
        seen = await probe(clients, self.models.nodes(models), self.models.folders(models))
        try:
            return self._planned(request, facts, asked, seen)
        except ModelUnavailable as error:
            if request.model_id is not None:
                raise
            reason = error.message.partition(". ")[0]  # what to fetch is for who asks for the model
            why = f"modelId is not given: {EMBEDDED_MODEL}, which runs everywhere. {reason}."
            client, plan = self._planned(
                replace(request, model_id=EMBEDDED_MODEL), facts, EMBEDDED_MODEL, seen
            )
            return client, replace(plan, notes=(why, *plan.notes))

    def _planned(
        self, request: EditRequest, facts: Sequence[ImageFacts], model: str, seen: Sequence[ServerStatus]
    ) -> tuple[ComfyUIClient, EditPlan]:
        options = request.multiedit.options
        chosen = least_busy(seen, lambda server: self.models.runner(model, server, options))
        plan = make_plan(request, facts, self.catalog, {model: chosen.wanted.adapter}, self.limits)
        where = f"It runs on {chosen.client.address} (ComfyUI {chosen.facts.version})."
        notes = (*plan.notes, *chosen.wanted.notes, where, *chosen.notes)
        return chosen.client, replace(plan, notes=notes)

    def _queued(self, plan: EditPlan, names: Sequence[str], options: Mapping[str, Any]) -> PromptGraph:
        from ..images.encode import EncodeOptions

        settings = EncodeOptions(format=plan.output_format, **options)
        return self.graph(plan, names, settings, f"{FOLDER}/{self.ids()}")


def _grey(mask: ImageFile) -> bytes:
    from ..images.mask_file import mask_file

    return mask_file(mask.mask())


def _is_late(note: str) -> bool:
    """Return whether only the run itself could know what a note says."""
    return note == UNCHANGED or note.startswith(MEASURED) or FITS_IN_PART in note


async def _fetch(client: ComfyUIClient, outputs: Outputs, plan: EditPlan) -> EncodedImage:
    """The result, or a pack of several; none comes back of which safe mode should have said something."""
    shown = [output for output in outputs.values() if "multiedit" in output]
    count = plan.options.batch_size
    if len(shown) != 1 or len(shown[0]["multiedit"]) != count:
        what = "no result" if count == 1 else f"not {count} results"
        raise EditFailed(f"The ComfyUI at {client.address} returned {what}. {_SAME_VERSION}")
    if count == 1:
        return await _fetch_one(client, shown[0], 0, plan)
    pack = Pack()
    for index in range(count):
        pack.add(await _fetch_one(client, shown[0], index, plan))
    return pack.finish()


async def _fetch_one(
    client: ComfyUIClient, output: Mapping[str, Any], index: int, plan: EditPlan
) -> EncodedImage:
    from .output import EncodedImage

    about = client.parse(lambda: read_json(output["multiedit"][index]))
    report = client.parse(lambda: _report(about["safe_mode"]))
    if plan.safe_mode and not report.safe_mode:
        raise EditFailed(
            f"The ComfyUI at {client.address} did not report what safe mode found, so the result stays "
            f"there. {_SAME_VERSION}"
        )
    data = await client.fetch(client.parse(lambda: output["images"][index]))
    kind = sniff(data, "the result")
    if kind != plan.output_format:
        raise EditFailed(
            f"The ComfyUI at {client.address} made a {kind} file, not {plan.output_format}. {_SAME_VERSION}"
        )
    dropped = client.parse(lambda: tuple(str(name) for name in about["dropped_metadata"]))
    notes = client.parse(lambda: tuple(str(note) for note in about.get("notes", ())))
    return EncodedImage(data, f"image/{kind}", report, dropped, notes)


def _report(decision: Mapping[str, Any] | None) -> SafetyReport:
    """A decision as Safe Mode writes it; what another version adds is left out."""
    if decision is None:
        return off_report()
    known = [field.name for field in fields(SafetyReport) if field.name in decision]
    return SafetyReport(**{name: decision[name] for name in known})
