"""The tables of docs/models.md, written from profiles.json.

    .venv/bin/python tests/support/model_tables.py

puts them into the page; a test compares.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from multiedit.pipelines.adapters.comfyui.profiles.profile import ModelPart, Profile
from multiedit.pipelines.adapters.comfyui.profiles.registry import load_all_profiles

PAGE = Path(__file__).resolve().parents[2] / "docs" / "models.md"
_MEGAPIXEL = 1_000_000


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    header = list(header)
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def models() -> str:
    """A row for each model: its profiles in the order in which `auto` tries them."""
    by_model: dict[str, list[Profile]] = {}
    for profile in load_all_profiles():
        by_model.setdefault(profile.model, []).append(profile)
    header = ["model", "profiles, as `auto` tries them", "images", "samples up to", "licence"]
    return table(header, [_model(model, own) for model, own in by_model.items()])


def _model(model: str, profiles: list[Profile]) -> list[str]:
    first = profiles[0]
    settings = [f"`{each.id}`: {each.steps} steps, cfg {each.cfg:g}" for each in profiles]
    name = f"`{model}`" + (" (experimental)" if first.experimental else "")
    licence = f"[{first.licence}][{model}]"
    return [
        name,
        "<br>".join(settings),
        str(first.max_images),
        f"{first.max_pixels / _MEGAPIXEL:.1f} MP",
        licence if first.commercial else f"**commercial use forbidden or limited: {licence}**",
    ]


def files() -> str:
    """A row for each part: where its file goes and which ones there are, the most exact first."""
    users: dict[ModelPart, list[str]] = {}
    for profile in load_all_profiles():
        for part in profile.parts.values():
            own = users.setdefault(part, [])
            if profile.model not in own:
                own.append(profile.model)
    header = ["folder", "one of these files", "for"]
    return table(header, [_part(part, own) for part, own in users.items() if part.files])


def _part(part: ModelPart, users: list[str]) -> list[str]:
    published = {file.url: file for file in reversed(part.files)}
    choices = [f"[{file.name}], {file.gigabytes} GB" for file in reversed(published.values())]
    return [f"`{part.folder}`", "<br>".join(choices), ", ".join(f"`{user}`" for user in users)]


def links() -> str:
    """The addresses that the tables above name: of a model's licence, and of each file.

    Raises:
        ValueError: two files of one name, which a reader could not tell apart.
    """
    found: dict[str, str] = {}
    for profile in load_all_profiles():
        found.setdefault(profile.model, profile.licence_url)
        for file in (file for part in profile.parts.values() for file in part.files):
            if found.setdefault(file.name, file.url) != file.url:
                raise ValueError(f"{file.name} is at {found[file.name]} and at {file.url}")
    return "\n".join(f"[{name}]: {url}" for name, url in found.items())


TABLES = {"models": models, "files": files, "links": links}


def marked(text: str, name: str) -> str:
    """What stands between the two marks of a table in the page."""
    return text.split(f"<!-- {name} -->\n")[1].split(f"\n<!-- /{name} -->")[0]


def main() -> None:
    text = PAGE.read_text("utf-8")
    for name, write in TABLES.items():
        text = text.replace(marked(text, name), write())
    PAGE.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
