"""`multiedit models download` and `multiedit models check`: the files of models in ComfyUI's folders."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..pipelines.common.errors import InvalidRequest, ModelUnavailable, OutputError
from ..pipelines.common.validation import describe, shown
from .arguments import decimal_number
from .output import count_bar, print_note, print_output

if TYPE_CHECKING:
    from ..pipelines.adapters.comfyui.profiles.local_files import Wanted
    from ..pipelines.adapters.comfyui.profiles.part_files import Shelf
    from ..pipelines.adapters.comfyui.profiles.profile import Profile
    from ..pipelines.adapters.comfyui.profiles.registry import Profiles

_MEMORY_GB = 24.0


def add_file_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--models", metavar="FOLDER", help="ComfyUI's models folder; default: MULTIEDIT_MODELS_FOLDER")
    add(
        "--memory",
        type=decimal_number("--memory"),
        default=_MEMORY_GB,
        metavar="GB",
        help=f"of the card that the files are for; default: {_MEMORY_GB:g}",
    )
    add("--dry-run", action="store_true", help="with download: show what would be downloaded, and stop")
    add(
        "--replace",
        action="store_true",
        help="with download: also over files that are not what their name says",
    )
    add("--comfyui", metavar="URL", help="with check: ask this ComfyUI in place of a folder")


def download(options: argparse.Namespace) -> None:
    """Download what a model lacks, one file after the other."""
    from ..pipelines.adapters.comfyui.profiles.local_files import profile_to_download, wanted_files
    from ..pipelines.adapters.comfyui.profiles.registry import load_all_profiles

    if not options.name:
        raise InvalidRequest("No model to download; name one, see `multiedit models`.")
    profiles, folder = load_all_profiles(), _models_folder(options)
    profile = profile_to_download(options.name, profiles)
    files = wanted_files(profile, _shelf(folder), folder, options.memory)
    _announce(profile, files, "it is replaced" if options.replace else "move it away, or pass --replace")
    missing = [wanted for wanted in files if wanted.there is None]
    if not options.dry_run and not options.replace:
        _require_free(missing)
    done = [] if options.dry_run else [_fetch(options, wanted) for wanted in missing]
    value = {
        "profile": profile.id,
        "licence": profile.licence,
        "files": [_entry(wanted) for wanted in files],
        "downloaded": done,
    }
    end = "Nothing was downloaded." if options.dry_run else f"{len(done)} files were downloaded."
    print_output(options, value, f"{profile.name}: {end}")


def _require_free(missing: list[Wanted]) -> None:
    """Refuse to download over a file of the user's, before anything is downloaded."""
    for wanted in missing:
        if wanted.problem:
            raise OutputError(
                f"{shown(wanted.target)} exists, but {wanted.problem}. Move it away, or pass --replace to "
                "download over it."
            )


def _announce(profile: Profile, files: list[Wanted], in_the_way: str) -> None:
    limits = "" if profile.commercial else ", which limits commercial use"
    print_note(f"{profile.name} ({profile.id}): {profile.licence}{limits}, {profile.licence_url}")
    for wanted in files:
        if wanted.there is not None:
            print_note(f"  is there: {wanted.there}")
        else:
            print_note(f"  {wanted.file.gigabytes:g} GB from {_url(wanted)} to {wanted.target}")
        if wanted.problem:
            print_note(f"    which exists, but {wanted.problem}: {in_the_way}")
    missing = [wanted.file.gigabytes for wanted in files if wanted.there is None]
    print_note(f"  {len(missing)} of {len(files)} files to download, {sum(missing):.1f} GB")


def _fetch(options: argparse.Namespace, wanted: Wanted) -> dict[str, Any]:
    import asyncio

    from ..pipelines.common.settings import hub_access
    from ..pipelines.sources.resumable import download_file

    size = round(wanted.file.gigabytes * 1e9)
    with count_bar(size, "B", quiet=options.json) as bar:

        def progress(count: int, total: int) -> None:
            bar.total = total
            bar.update(count)

        token, replace = hub_access().token, options.replace
        made = asyncio.run(download_file(_url(wanted), wanted.target, token, progress, replace=replace))
    checked = "is the published one" if made.published else "none is published; the size was compared"
    print_note(f"  {made.path}: {made.size} bytes, sha256 {made.sha256} ({checked})")
    return {"file": str(made.path), "bytes": made.size, "sha256": made.sha256, "published": made.published}


def _url(wanted: Wanted) -> str:
    from ..pipelines.common.settings import hub_access

    return wanted.file.url_at(hub_access().endpoint)


def _entry(wanted: Wanted) -> dict[str, Any]:
    return {
        "part": wanted.role,
        "there": wanted.there,
        "url": _url(wanted),
        "gigabytes": wanted.file.gigabytes,
        "target": str(wanted.target),
        "problem": wanted.problem,
    }


def check(options: argparse.Namespace) -> None:
    """Show for each model the profile that would be taken and its files, or what is missing."""
    from ..pipelines.adapters.comfyui.profiles.registry import load_all_profiles

    profiles = load_all_profiles()
    asked = _asked(options.name, profiles) if options.name else None
    models = [asked] if asked else list(dict.fromkeys(profile.model for profile in profiles))
    files, memory, nodes = (
        _server(options) if options.comfyui else (_shelf(_models_folder(options)), _bytes(options), None)
    )
    found = [_checked(model, profiles, files, memory, nodes) for model in models]
    print_output(options, found, "\n".join(_line(entry, bool(asked)) for entry in found))


def _asked(name: str, profiles: Profiles) -> str:
    """The id of a model; one that splits an image into layers is in no catalogue."""
    from ..pipelines.catalog.lookup import load_catalog

    return name if profiles.of_model(name) else load_catalog().get(name).id


def _checked(model: str, profiles: Profiles, files: Any, memory: int, nodes: Any) -> dict[str, Any]:
    from ..pipelines.adapters.comfyui.profiles.selection import select_profile

    try:
        selection = select_profile(model, files, memory, nodes, profiles=profiles)
    except ModelUnavailable as error:
        return {"model": model, "profile": None, "files": {}, "notes": [error.message]}
    return {
        "model": model,
        "profile": selection.profile.id,
        "files": dict(selection.files),
        "notes": list(selection.notes),
    }


def _line(entry: dict[str, Any], whole: bool) -> str:
    runs = f"profile {entry['profile']}" if entry["profile"] else "cannot run"
    rest = list(entry["files"].values()) if entry["profile"] and not whole else entry["notes"]
    return "\n  ".join([f"{entry['model']}: {runs}", *rest])


def _bytes(options: argparse.Namespace) -> int:
    memory: float = options.memory
    return round(memory * 1e9)


def _shelf(folder: Path) -> Shelf:
    """The files of a folder `models`, and of what its ComfyUI's extra_model_paths.yaml adds."""
    from ..pipelines.adapters.comfyui.profiles.extra_folders import extra_paths_file, read_extra_folders
    from ..pipelines.adapters.comfyui.profiles.local_files import local_shelf
    from ..pipelines.adapters.comfyui.profiles.registry import load_all_profiles

    file, extra = extra_paths_file(folder), []
    try:
        extra = read_extra_folders(file) if file else []
    except ModuleNotFoundError:
        print_note(f"{file} is not read: PyYAML is missing. `pip install pyyaml`, or use ComfyUI's Python.")
    return local_shelf(folder, load_all_profiles(), extra)


def _server(options: argparse.Namespace) -> tuple[Any, int, Any]:
    """The files, memory and nodes of a ComfyUI."""
    import asyncio

    from ..pipelines.adapters.comfyui.client.address import read_address
    from ..pipelines.adapters.comfyui.client.pool import connected, probe
    from ..pipelines.adapters.comfyui.client.server_models import ServerModels
    from ..pipelines.adapters.comfyui.profiles.registry import load_all_profiles
    from ..pipelines.common.errors import MultiEditError
    from ..pipelines.common.settings import ComfyUILimits

    profiles = load_all_profiles()
    known, models = ServerModels(profiles=profiles), {profile.model for profile in profiles}

    async def ask() -> Any:
        async with connected([read_address(options.comfyui)], ComfyUILimits.from_environment()) as clients:
            (seen,) = await probe(clients, known.nodes(models), known.folders(models))
            return seen.facts

    facts = asyncio.run(ask())
    if isinstance(facts, MultiEditError):
        raise facts
    return facts.models, facts.memory_bytes, facts.nodes


def _models_folder(options: argparse.Namespace) -> Path:
    """ComfyUI's folder `models`: the named one, else that of the ComfyUI in which this package lies."""
    from ..pipelines.common.settings import ModelFolder

    package = Path(__file__).absolute().parents[1]
    named = options.models or ModelFolder.from_environment().models_folder
    if not named and package.parent.name != "custom_nodes":
        raise InvalidRequest("No models folder; pass --models FOLDER, such as ComfyUI/models.")
    folder = Path(named) if named else package.parents[1] / "models"
    if not folder.is_dir():
        raise InvalidRequest(
            f"--models is {describe(str(folder))}, which is no folder. Name ComfyUI's models."
        )
    return folder
