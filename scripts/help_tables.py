"""Write what the locales say of inputs and outputs into the help pages of the languages other than English.

`python scripts/help_tables.py` replaces the rows of those two tables of each `web/docs/NODE/LANGUAGE.md`;
all else in a page is written by hand. Entries that differ by a number alone have one row.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_TABLE = re.compile(r"^(\|[^\n]*\n\|[-|]+\|\n)(?:\|[^\n]*\n)*", re.MULTILINE)

Entry = Mapping[str, str]
Node = Mapping[str, Mapping[str, Entry]]


def filled(page: str, node: Node) -> str:
    """The page with the rows of its tables of inputs and outputs made from a node's entry in its locale."""
    tables = [_rows(node[entries].values()) for entries in ("inputs", "outputs") if node[entries]]
    rows = iter(tables)
    return _TABLE.sub(lambda found: found[1] + next(rows), page, count=len(tables))


def _rows(entries: Iterable[Entry]) -> str:
    groups: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        alike = (re.sub(r"\d+", "", entry["name"]), re.sub(r"\d+", "", entry["tooltip"]))
        groups.setdefault(alike, []).append(entry)
    return "".join(map(_row, groups.values()))


def _row(group: list[Entry]) -> str:
    """One row for entries that are alike: `image 2`, ..., `image 8`."""
    group = sorted(group, key=lambda entry: [int(number) for number in re.findall(r"\d+", entry["name"])])
    names = dict.fromkeys(f"`{entry['name']}`" for entry in (group[0], group[-1]))
    return f"| {', ..., '.join(names)} | {group[0]['tooltip']} |\n"


def main() -> None:
    for locale in sorted((ROOT / "locales").glob("*/nodeDefs.json")):
        for name, node in json.loads(locale.read_text(encoding="utf-8")).items():
            path = ROOT / "web" / "docs" / name / f"{locale.parent.name}.md"
            if path.exists():
                page = filled(path.read_text(encoding="utf-8"), node)
                path.write_text(page, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
