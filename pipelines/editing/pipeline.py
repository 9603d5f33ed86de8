"""From a request to a finished file: load, plan, edit, check, encode. Every entry point calls this."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ..adapters.base import Adapter, run_adapter
from ..catalog.lookup import Catalog
from ..common.errors import InvalidImage
from ..common.settings import Limits
from ..common.threads import in_parallel, in_thread
from ..common.types import Away
from ..images.facts import ImageFacts
from ..images.header import FileSize, read_size
from ..images.input_image import ImageFile
from ..planning.plan import EditPlan, check_early, choose_model, make_plan
from ..planning.provider import PROVIDER
from ..planning.request import EditRequest
from ..safety.classifiers.classifier import ClassifierLoader
from ..safety.policy import DEFAULT_POLICY, Policy
from ..sources.source import SourceLoader, TextSource
from .api_note import with_api_note
from .edit_memory import edit_bytes
from .request_safety import note_required_safe_mode, require_safe_inputs, with_required_safe_mode

if TYPE_CHECKING:
    from .output import EncodedImage

OnStage = Callable[[str, float], None]
"""Called with a stage ("load", "edit", "check", "encode") and the share of it that is done."""


@contextlib.contextmanager
def timed(clock: Callable[[], float], seconds: dict[str, float], stage: str) -> Iterator[None]:
    """Add up the seconds of a stage that ends well."""
    started = clock()
    yield
    seconds[stage] = seconds.get(stage, 0.0) + clock() - started


@dataclass(frozen=True)
class EditResult:
    """A finished edit: the plan that was carried out, the file, and the seconds each stage took.

    Attributes:
        messages: for the person who asked, and for no file: the account's balance at the provider.
        blurred_before: it was blurred where it was made.
        more: the files of further edits of the same request, each with the next seed.
    """

    plan: EditPlan
    file: EncodedImage
    seconds: Mapping[str, float]
    messages: tuple[str, ...] = ()
    blurred_before: bool = False
    more: tuple[EncodedImage, ...] = ()

    @property
    def blurred(self) -> bool:
        """Safe mode has blurred it, here or where it was made."""
        return self.blurred_before or any(file.safety.blurred for file in (self.file, *self.more))

    def to_dict(self) -> dict[str, Any]:
        """Everything but the image, as JSON takes it."""
        return {
            "media_type": self.file.media_type,
            "bytes": len(self.file.data),
            "plan": self.plan.to_dict(),
            "safety": self.file.safety.to_dict(),
            "dropped_metadata": list(self.file.dropped_metadata),
            "messages": list(self.messages),
            "seconds": {stage: round(seconds, 4) for stage, seconds in self.seconds.items()},
        }


async def load_files(
    request: EditRequest, loader: SourceLoader, limits: Limits
) -> tuple[list[bytes], list[FileSize]]:
    """Load the files of a request, and check their sizes; nothing is decoded.

    Raises:
        InvalidImage, FetchError: of the first image that cannot be used.
    """
    files = await loader.load_all(request.images)
    with _naming_field():
        return files, await in_thread(lambda: [read_size(*each) for each in _named(files, limits)])


_UNKNOWN_SIZE = (1024, 1024)  # of a base that is not here yet


async def check_request(
    request: EditRequest, loader: SourceLoader, limits: Limits, catalog: Catalog, adapters: Mapping[str, str]
) -> None:
    """Refuse what can be refused without work: by the model's rules, and by the images' headers.

    Images that are still to be fetched are left out.

    Args:
        adapters: model id -> adapter name, of what can run.

    Raises:
        UnknownModel, ModelUnavailable, UnsupportedValue, InvalidImage.
    """
    check_early(request, _UNKNOWN_SIZE, catalog, adapters)
    here = {
        f"image {number}": source
        for number, source in enumerate(request.images, start=1)
        if not isinstance(source, TextSource)
    }
    files = await loader.load_named(here)
    with _naming_field():
        sizes = await in_thread(lambda: [read_size(data, limits, name) for name, data in files.items()])
    if "image 1" in here:
        check_early(request, sizes[0].size, catalog, adapters)


async def read_images(
    request: EditRequest, files: Sequence[bytes], limits: Limits
) -> tuple[list[ImageFile], list[ImageFacts]]:
    """Read the images of a request, with what the plan needs to know of each; some are decoded for it.

    Raises:
        InvalidImage: of the first image that cannot be used.
    """
    roles = request.multiedit.roles
    given = {1, *roles, *request.multiedit.placement}

    def read() -> tuple[list[ImageFile], list[ImageFacts]]:
        images = [ImageFile(*each) for each in _named(files, limits)]
        numbered = list(enumerate(images, start=1))
        facts = in_parallel(
            lambda each: each[1].facts(each[0] not in given, roles.get(each[0]) == "mask"), numbered
        )
        return images, list(facts)

    with _naming_field():
        return await in_thread(read)


def _named(files: Sequence[bytes], limits: Limits) -> list[tuple[bytes, Limits, str]]:
    return [(data, limits, f"image {number}") for number, data in enumerate(files, start=1)]


@dataclass(frozen=True, eq=False)
class EditPipeline:
    """Runs the edits of requests on this machine.

    Args:
        adapters: model id -> what runs it.
        classifier: gives safe mode's classifier; called only for requests with safe mode on.
        clock: seconds, monotonic.
        policy: of safe mode.
    """

    limits: Limits
    catalog: Catalog
    adapters: Mapping[str, Adapter]
    loader: SourceLoader
    classifier: ClassifierLoader
    clock: Callable[[], float] = time.perf_counter
    policy: Policy = DEFAULT_POLICY

    async def plan(self, request: EditRequest) -> EditPlan:
        """Decide the edit without carrying it out. Raises what loading and planning raise."""
        files, _ = await self._load(request)
        return (await self._prepare(request, files))[0]

    async def check(self, request: EditRequest) -> None:
        """See `check_request`."""
        await check_request(request, self.loader, self.limits, self.catalog, self._adapter_names())

    async def memory(self, request: EditRequest) -> int:
        """The bytes that an edit takes at most, by its files' headers. Raises what loading raises."""
        _, sizes = await self._load(request)
        model = choose_model(request.model_id, self.catalog, self._adapter_names())[0]
        remote = self._adapter_names()[model.id] == PROVIDER
        checked = self.policy.inputs and with_required_safe_mode(request, self.policy).safe_mode
        return edit_bytes(request, sizes, self.limits, remote=remote, checked=checked)

    async def edit(
        self,
        request: EditRequest,
        options: Mapping[str, Any] | None = None,
        embed: Mapping[str, str] | None = None,
        stage: OnStage = lambda name, share: None,
        away: Away = contextlib.nullcontext,
    ) -> EditResult:
        """Carry the edit out.

        Args:
            options: fields of `EncodeOptions` besides the format.
            embed: further metadata for the file: ComfyUI's `prompt` and `workflow`.
            away: entered in a thread, see `Adapter.run`.

        Raises:
            MultiEditError: any of the tree; nothing is left behind.
        """
        seconds: dict[str, float] = {}
        stage("load", 0.0)
        with timed(self.clock, seconds, "load"):
            files, _ = await self._load(request)
            plan, images = await self._prepare(request, files)
        result = await in_thread(partial(self._run, plan, images, options or {}, embed or {}, stage, away))
        return replace(result, seconds={**seconds, **result.seconds})

    def _adapter_names(self) -> dict[str, str]:
        return {model: adapter.name for model, adapter in self.adapters.items()}

    async def _load(self, request: EditRequest) -> tuple[list[bytes], list[FileSize]]:
        # What cannot run is said before any fetching.
        choose_model(request.model_id, self.catalog, self._adapter_names())
        return await load_files(request, self.loader, self.limits)

    async def _prepare(
        self, request: EditRequest, files: Sequence[bytes]
    ) -> tuple[EditPlan, list[ImageFile]]:
        names = self._adapter_names()
        images, facts = await read_images(request, files, self.limits)
        plan = make_plan(
            with_required_safe_mode(request, self.policy), facts, self.catalog, names, self.limits
        )
        return with_api_note(note_required_safe_mode(plan, request), request, images), images

    def _run(
        self,
        plan: EditPlan,
        images: Sequence[ImageFile],
        options: Mapping[str, Any],
        embed: Mapping[str, str],
        stage: OnStage,
        away: Away,
    ) -> EditResult:
        from ..images.encode import EncodeOptions
        from .output import encode_result, screen_image

        classifier = self.classifier if plan.safe_mode else None
        settings = EncodeOptions(format=plan.output_format, **options)
        seconds: dict[str, float] = {}
        with timed(self.clock, seconds, "edit"):
            if classifier is not None:
                require_safe_inputs(images, classifier, self.policy)
            with _naming_field():
                adapter = self.adapters[plan.model]
                plan, made = run_adapter(adapter, plan, images, lambda share: stage("edit", share), away)
        stage("check", 0.0)
        with timed(self.clock, seconds, "check"):
            image, report = screen_image(made.image, classifier, self.policy)
        stage("encode", 0.0)
        with timed(self.clock, seconds, "encode"):
            file = encode_result(image, report, settings, {"plan": plan.to_dict()}, embed)
        stage("encode", 1.0)
        return EditResult(plan, file, seconds, made.messages, made.blurred)


@contextlib.contextmanager
def _naming_field() -> Iterator[None]:
    """Name the request's field in the error of an image that cannot be used."""
    try:
        yield
    except InvalidImage as error:
        raise error.copy_with(field="images") from error
