"""Rules that the sources keep: who imports whom, what the shell face may load, and the size of things."""

from __future__ import annotations

import ast
import functools
import json
import subprocess
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
OUTSIDE = ("tests", "bench", "scripts")  # folders with sources that are not the package's

# What each part may import besides the standard library; a face that is not named may import its host.
LIBRARIES = {
    "pipelines": {"torch", "numpy", "PIL", "safetensors"},
    "cli": {"tqdm"},
    "api": {"aiohttp", "prometheus_client", "execution", "folder_paths", "server"},
}
EXCEPTIONS = {
    "pipelines/adapters/comfyui/client/address.py": {"yarl"},
    "pipelines/adapters/comfyui/client/connection.py": {"aiohttp"},
    "pipelines/adapters/comfyui/client/job.py": {"aiohttp"},
    "pipelines/adapters/provider/request_form.py": {"aiohttp"},
    "pipelines/adapters/provider/connection.py": {"aiohttp"},
    "pipelines/adapters/provider/wallet.py": {"eth_account"},
    "pipelines/sources/fetch.py": {"aiohttp"},
    "pipelines/sources/urls.py": {"yarl"},
}
# Faces that start another one.
STARTS = {"cli/serve.py": {"api"}, "cli/keys.py": {"api"}, "nodes/registry.py": {"api"}}
# The outermost place of a server, where a client gets an answer whatever went wrong.
LAST_RESORTS = {"api/handler.py"}
HEAVY = {"torch", "numpy", "PIL", "aiohttp"}
MOST_LINES = {"file": 400, "function": 60}


def _sources(*folders: str) -> list[str]:
    found = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return sorted(str(path.relative_to(ROOT)) for path in found)


FOLDERS = sorted(
    path.name
    for path in ROOT.iterdir()
    if path.is_dir() and path.name[0].isalpha() and path.name not in (*OUTSIDE, "build", "output")
)
PACKAGE = sorted([path.name for path in ROOT.glob("*.py")] + _sources(*FOLDERS))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


@functools.cache
def _tree(source: str) -> ast.Module:
    return ast.parse((ROOT / source).read_text("utf-8"))


def _part(module: tuple[str, ...]) -> str:
    """pipelines, nodes, api, cli (all of cli*.py and __main__.py), or "" for the package itself."""
    first = module[0] if module else ""
    return "cli" if first.startswith("cli") or first == "__main__" else first


def _part_of(source: str) -> str:
    return _part(Path(source).with_suffix("").parts)


def _imports(source: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """(level, module) of everything that a file imports; level 0 is absolute."""
    for node in ast.walk(_tree(source)):
        if isinstance(node, ast.Import):
            yield from ((0, tuple(alias.name.split("."))) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = tuple(node.module.split(".")) if node.module else ()
            yield from ((node.level, (*module, alias.name)) for alias in node.names)


def _own(source: str) -> Iterator[tuple[str, ...]]:
    """What a file imports of this package, as paths from the package's root."""
    folder = Path(source).parent.parts
    for level, module in _imports(source):
        if level:
            assert level <= len(folder) + 1, f"{source} imports from outside the package"
            yield (*folder[: len(folder) - level + 1], *module)


def _offences(find: Callable[[str], Collection[Any]], sources: Iterable[str] = PACKAGE) -> dict[str, Any]:
    """What a rule finds, by file; empty where it is kept everywhere."""
    found = {source: find(source) for source in sources}
    return {source: offences for source, offences in found.items() if offences}


def test_a_part_imports_itself_and_pipelines_only() -> None:
    def foreign(source: str) -> set[str]:
        allowed = {_part_of(source), "pipelines"} | STARTS.get(source, set())
        return {_part(module) for module in _own(source)} - allowed

    # The root's own file hands ComfyUI the faces, from inside a function.
    assert _offences(foreign, set(PACKAGE) - {"__init__.py"}) == {}


def test_a_part_imports_no_library_but_its_own() -> None:
    def foreign(source: str) -> set[str]:
        absolute = {module[0] for level, module in _imports(source) if not level}
        libraries = absolute - sys.stdlib_module_names
        allowed = LIBRARIES.get(_part_of(source), libraries - {"multiedit"})
        return libraries - allowed - EXCEPTIONS.get(source, set())

    assert _offences(foreign) == {}
    assert set(EXCEPTIONS) <= set(PACKAGE)


def test_importing_the_package_imports_nothing_else() -> None:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    statements = [node for node in _tree("__init__.py").body if not isinstance(node, functions)]
    nodes = {type(node) for statement in statements for node in ast.walk(statement)}
    assert not {ast.Import, ast.ImportFrom} & nodes


def test_every_package_folder_is_shipped() -> None:
    folders = {Path(source).parent.parts for source in PACKAGE if source.endswith("__init__.py")}
    named = {".".join(("multiedit", *parts)) for parts in folders}
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == named
    assert {Path(source).parent.parts for source in PACKAGE} == folders


def test_requirements_are_the_projects_dependencies() -> None:
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    assert lines == PROJECT["project"]["dependencies"]


def test_sources_stay_small() -> None:
    def long_functions(source: str) -> set[str]:
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
        functions = [node for node in ast.walk(_tree(source)) if isinstance(node, kinds)]
        return {each.name for each in functions if _last_line(each) - each.lineno >= MOST_LINES["function"]}

    lengths = {source: len((ROOT / source).read_text("utf-8").splitlines()) for source in PACKAGE}
    assert {source: length for source, length in lengths.items() if length > MOST_LINES["file"]} == {}
    assert _offences(long_functions) == {}


def _last_line(node: ast.stmt) -> int:
    return node.end_lineno or node.lineno


def test_nothing_is_printed_outside_the_shell_face() -> None:
    def prints(source: str) -> list[int]:
        calls = [node.func for node in ast.walk(_tree(source)) if isinstance(node, ast.Call)]
        return [call.lineno for call in calls if isinstance(call, ast.Name) and call.id == "print"]

    assert {_part_of(source) for source in _offences(prints)} == {"cli"}


def test_a_broad_except_lets_the_unexpected_through() -> None:
    def swallowing(source: str) -> list[int]:
        handlers = [node for node in ast.walk(_tree(source)) if isinstance(node, ast.ExceptHandler)]
        return [each.lineno for each in handlers if _is_broad(each) and not _raises_again(each)]

    assert set(_offences(swallowing)) == LAST_RESORTS


def _is_broad(handler: ast.ExceptHandler) -> bool:
    named = ast.walk(handler.type) if handler.type else ()
    names = {node.id for node in named if isinstance(node, ast.Name)}
    return handler.type is None or bool(names & {"Exception", "BaseException"})


def _raises_again(handler: ast.ExceptHandler) -> bool:
    return any(isinstance(node, ast.Raise) and node.exc is None for node in ast.walk(handler))


def test_sources_are_ascii() -> None:
    sources = [*PACKAGE, *_sources(*OUTSIDE)]
    assert [source for source in sources if not (ROOT / source).read_bytes().isascii()] == []


@pytest.mark.parametrize(
    ("command", "unwanted"),
    [
        ("--help", HEAVY | {"asyncio"}),
        ("edit --help", HEAVY | {"asyncio"}),
        ("edit --image a", HEAVY | {"asyncio"}),
        ("edit --image a --prompt p -o a.gif", HEAVY),
        ("resolve --aspect-ratio 16:9", HEAVY),
        ("models", HEAVY),
    ],
)
def test_what_needs_no_pixels_loads_no_library(command: str, unwanted: set[str]) -> None:
    program = (
        "import json, sys\n"
        "from multiedit.cli.main import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "print(json.dumps(list(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *command.split()], capture_output=True, text=True, check=True
    )
    loaded = set(json.loads(done.stderr.splitlines()[-1]))
    assert "multiedit.cli.edit" in loaded
    assert loaded & unwanted == set()
