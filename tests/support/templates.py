"""The templates: each is an API prompt, a note, and the file that ComfyUI lists, whose name is its title."""

from __future__ import annotations

from pathlib import Path

PACK = Path(__file__).resolve().parents[2]
WORKFLOWS = PACK / "workflows"
NOTES = PACK / "scripts" / "workflow_notes"


def title_of(name: str) -> str:
    """The title of the template with the API prompt of that name: the first line of its note."""
    return (NOTES / f"{name}.md").read_text().partition("\n")[0].removeprefix("# ")


def template_names() -> list[str]:
    """The names of the API prompts that have a template, in the order of the list."""
    return sorted((path.stem for path in NOTES.glob("*.md")), key=title_of)


def template_file(name: str, suffix: str = ".json") -> Path:
    """The template's file in `workflows/`."""
    return WORKFLOWS / f"{title_of(name)}{suffix}"
