"""Find the files for one part of a model among those in ComfyUI's folders, and order them.

A file is known by its header, where that can be read, and by its name where the header leaves a choice: a
few-step LoRA that was merged in, or the version of a model, change no tensor's name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PureWindowsPath

from .file_name import UNKNOWN_STEPS, few_steps, fits, named_quantisation, own_name, squeezed, uncensored
from .profile import ModelPart, PartName
from .weights_file import FileFacts, Verdict

# By ComfyUI's name of the folder, the files in it; in a subfolder as "qwen/x.safetensors".
Folders = Mapping[str, Sequence[str]]
Inspect = Callable[[str, str], "FileFacts | None"]
"""Looks at a file: (folder, name) -> what its header tells; None where it cannot be read, as over HTTP."""

_GIGABYTE = 10**9
_MOST_FEW_STEPS = 8  # of a file that does not say how many: steps enough for either kind
_EXACTNESS = ("fp32", "bf16", "fp16", "fp8 mixed", "fp8 scaled", "mxfp8", "fp8", "int8")  # then the rest


def names_alone(folder: str, name: str) -> FileFacts | None:
    """Look at nothing, for files on another machine."""
    return None


@dataclass(frozen=True)
class PartFile:
    """A file that can be the part.

    Attributes:
        gigabytes: as published, or the file's own size where that is known.
        quantisation: as its header or, in want of that, its name tells.
        rank: the lower the better: uncensored models last, and before them those whose names tell nothing.
        order: among the published files; of any other file behind them.
    """

    name: str
    gigabytes: float
    quantisation: str
    rank: tuple[int, int]
    order: int
    inspected: bool

    @property
    def uncensored(self) -> bool:
        """Return whether it was made to refuse nothing, where the model was not."""
        return self.rank[0] > 0


@dataclass(frozen=True)
class PassedOver:
    """A file that looks like the part: why it is not, and whether that is for what is in it."""

    name: str
    problem: str
    broken: bool


@dataclass(frozen=True)
class Found:
    """What there is for a part: files by preference, and those that only look like it."""

    files: tuple[PartFile, ...]
    passed_over: tuple[PassedOver, ...]


@dataclass(frozen=True)
class Shelf:
    """The files that there are, and what was chosen among them.

    Attributes:
        inspect: what the headers tell.
        chosen: by part, the only file to look at, whatever its name says of the model; of a LoRA, which
            nothing else tells, the name counts all the same.
        trusted: the profile was chosen too, so that names need not agree with it.
    """

    folders: Folders
    inspect: Inspect = names_alone
    chosen: Mapping[PartName, str] = field(default_factory=dict)
    trusted: bool = False
    _found: dict[tuple[PartName, ModelPart], Found] = field(default_factory=dict, init=False, repr=False)

    def find(self, role: PartName, part: ModelPart) -> Found:
        """Find the files of a part: uncensored ones and mere look-alikes last, else the most exact first.

        Profiles share parts: what was found once is kept as long as the shelf.
        """
        if (role, part) not in self._found:
            self._found[role, part] = self._find(role, part)
        return self._found[role, part]

    def _find(self, role: PartName, part: ModelPart) -> Found:
        chosen = self.chosen.get(role)
        names = [name for name in self.folders.get(part.folder, ()) if chosen in (None, name)]
        free = chosen is not None and (role != "lora" or self.trusted)
        judged = [file for name in names if (file := self._judge(part, name, free)) is not None]
        files = sorted((file for file in judged if isinstance(file, PartFile)), key=_preference)
        return Found(tuple(files), tuple(file for file in judged if isinstance(file, PassedOver)))

    def _judge(self, part: ModelPart, name: str, free: bool) -> PartFile | PassedOver | None:
        """Return the file where it can be the part, why not where it looks like it, else None.

        Args:
            free: to have any name.
        """
        facts = self.inspect(part.folder, name)
        verdict = Verdict(None) if facts is None else facts.verdicts[part]
        text = _text(part, name, facts)
        named = fits(part.names, squeezed(text))
        other = None if free else _other_variant(part, text)
        if not (free or named or (verdict.problem is None and other is None and _told(part, text, verdict))):
            return None
        if part.merged_steps and few_steps(text) is None and not free:
            return None
        if verdict.problem:
            return PassedOver(name, other or verdict.problem, broken=other is None)
        if not (free and self.trusted):
            other = other or _other_steps(part, text)
        return PassedOver(name, other, broken=False) if other else _part_file(part, name, facts, named)


def _text(part: ModelPart, name: str, facts: FileFacts | None) -> str:
    """Return what tells a file's variant: its name and remarks; its folders where the name tells nothing."""
    own = own_name(name)
    if not fits((*part.names, *part.hints), squeezed(own)):
        own = name.rsplit(".", 1)[0]
    return f"{own} {facts.remarks}" if facts else own


def _told(part: ModelPart, text: str, verdict: Verdict) -> bool:
    """Return whether the header, or the header and a hint in the name, tell the part."""
    if verdict.certainty == "architecture":
        return False
    return verdict.certainty == "model" or fits(part.hints, squeezed(text))


def _other_variant(part: ModelPart, text: str) -> str | None:
    words = squeezed(text)
    found = next((word for word in part.other_words if word in words), None)
    return f"is another variant by its name ({found})" if found else None


def _other_steps(part: ModelPart, text: str) -> str | None:
    """Return why a file's merged steps are not the part's, None where they are or do not matter."""
    if part.merged_steps is None:
        return None
    steps = few_steps(text)
    if steps is None:
        return "has no few-step LoRA merged in, by its name" if part.merged_steps else None
    if not part.merged_steps:
        return "is distilled to few steps, by its name or metadata"
    if part.merged_steps != (steps if steps != UNKNOWN_STEPS else _MOST_FEW_STEPS):
        return f"is distilled to {steps or 'few'} steps, by its name or metadata"
    return None


def _part_file(part: ModelPart, name: str, facts: FileFacts | None, named: bool) -> PartFile:
    published = part.published_like(name)
    rank = (int(uncensored(name) and not any(uncensored(each) for each in part.names)), int(not named))
    same = [
        n for n, file in enumerate(part.files) if squeezed(file.name) == squeezed(PureWindowsPath(name).name)
    ]
    order = same[0] if same else len(part.files)
    if facts is None:
        gigabytes = published.gigabytes if published else 0.0
        return PartFile(name, gigabytes, named_quantisation(name), rank, order, False)
    return PartFile(name, round(facts.size / _GIGABYTE, 1), facts.quantisation, rank, order, True)


def _preference(file: PartFile) -> tuple[tuple[int, int], int, int, float, str]:
    exactness = _EXACTNESS.index(file.quantisation) if file.quantisation in _EXACTNESS else len(_EXACTNESS)
    return file.rank, exactness, file.order, file.gigabytes, file.name
