"""Rules that the sources keep: who imports whom, what the command line may load, and the size of things."""

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

# The order of a request: a folder of pipelines/ imports only those before it.
ORDER = (
    "common", "catalog", "sources", "images", "layers", "planning", "adapters", "safety", "editing",
)  # fmt: skip
STRANGERS = ({"adapters", "safety"},)  # which do not need each other, whatever the order

# What a folder may import besides the standard library; the longest name that fits holds.
LIBRARIES = {
    "": set(),
    "api": {"aiohttp", "filelock"},
    "cli": {"tqdm"},
    "nodes": {
        "comfy",
        "comfy_api",
        "comfy_execution",
        "folder_paths",
        "node_helpers",
        "nodes",
        "torch",
        "typing_extensions",
    },
    "pipelines/common": {"aiohttp", "torch"},
    "pipelines/catalog": set(),
    "pipelines/sources": {"aiohttp", "filelock", "yarl"},
    "pipelines/images": {"PIL", "numpy", "torch"},
    "pipelines/layers": {"numpy", "torch"},
    "pipelines/planning": {"torch"},
    "pipelines/adapters": {"torch"},
    "pipelines/adapters/comfyui/client": {"aiohttp", "yarl"},
    "pipelines/adapters/comfyui/families": set(),
    "pipelines/adapters/comfyui/profiles": set(),
    "pipelines/adapters/provider": {"aiohttp", "torch"},
    "pipelines/safety": {"numpy", "torch"},
    "pipelines/safety/classifiers": {"safetensors", "torch"},
    "pipelines/editing": {"torch"},
}
# Single files that need one more.
EXCEPTIONS = {
    "api/comfyui_server.py": {"folder_paths", "server"},
    "api/metrics.py": {"prometheus_client"},
    "nodes/progress.py": {"server"},
    "nodes/saved_files.py": {"server"},
    "pipelines/adapters/comfyui/profiles/extra_folders.py": {"yaml"},
    "pipelines/adapters/provider/wallet.py": {"eth_account"},
}
# Entry points that start another one.
STARTS = {"cli/serve.py": {"api"}, "cli/keys.py": {"api"}, "nodes/registry.py": {"api"}}
# The outermost place of a server, where a client gets a response whatever went wrong.
LAST_RESORTS = {"api/handler.py"}
HEAVY = {"torch", "numpy", "PIL", "aiohttp"}
MOST_LINES = {"file": 400, "function": 60, "execute": 15}


def _sources(*folders: str) -> list[str]:
    found = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return sorted(path.relative_to(ROOT).as_posix() for path in found)


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
    """The first folder: pipelines, nodes, api or cli; "" for the package itself."""
    first = module[0] if module else ""
    return "cli" if first == "__main__" else first


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


def _own_files(source: str) -> set[str]:
    """The files of this package that a file imports, lazily or for types too."""
    found = set()
    for module in _own(source):
        # A module, or a name in one; a package stands for its __init__.py.
        tried = (module, module[:-1], (*module, "__init__"), (*module[:-1], "__init__"))
        files = ("/".join(path) + ".py" for path in tried if path)
        found.add(next((file for file in files if file in PACKAGE), source))
    return found - {source}


def test_an_entry_point_imports_itself_and_pipelines_only() -> None:
    def foreign(source: str) -> set[str]:
        allowed = {_part_of(source), "pipelines"} | STARTS.get(source, set())
        return {_part(module) for module in _own(source)} - allowed

    # The root's own file hands ComfyUI the entry points, from inside a function.
    assert _offences(foreign, set(PACKAGE) - {"__init__.py"}) == {}


def test_a_folder_of_pipelines_imports_only_those_before_it() -> None:
    def folder(source: str) -> str:
        return Path(source).parts[1]

    def backwards(source: str) -> set[str]:
        targets = {file for file in _own_files(source) if Path(file).parent != Path("pipelines")}
        own = folder(source)
        return {
            file
            for file in targets
            if ORDER.index(folder(file)) > ORDER.index(own) or {own, folder(file)} in STRANGERS
        }

    inside = [source for source in PACKAGE if source.startswith("pipelines/") and source.count("/") > 1]
    assert {folder(source) for source in inside} == set(ORDER)
    assert _offences(backwards, inside) == {}


def test_no_file_imports_itself_over_others() -> None:
    imports = {source: _own_files(source) for source in PACKAGE}

    def reached(source: str) -> set[str]:
        seen: set[str] = set()
        ahead = [source]
        while ahead:
            ahead += imports[ahead.pop()] - seen
            seen.update(ahead)
        return seen

    assert [source for source in PACKAGE if source in reached(source)] == []


def test_a_folder_imports_no_library_but_its_own() -> None:
    def allowed(source: str) -> set[str]:
        folders = [str(folder) if str(folder) != "." else "" for folder in Path(source).parents]
        return next(LIBRARIES[folder] for folder in folders if folder in LIBRARIES)

    def foreign(source: str) -> set[str]:
        absolute = {module[0] for level, module in _imports(source) if not level}
        libraries = absolute - sys.stdlib_module_names
        return libraries - allowed(source) - EXCEPTIONS.get(source, set())

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


def test_a_node_is_thin() -> None:
    """Its `execute`, without the signature and blank lines."""

    def long_nodes(source: str) -> dict[str, int]:
        lines = (ROOT / source).read_text("utf-8").splitlines()
        nodes = [node for node in ast.walk(_tree(source)) if isinstance(node, ast.ClassDef)]
        lengths = {node.name: _body_length(node, lines) for node in nodes}
        return {name: length for name, length in lengths.items() if length > MOST_LINES["execute"]}

    assert _offences(long_nodes, _sources("nodes")) == {}


def _body_length(node: ast.ClassDef, lines: list[str]) -> int:
    """The lines of a class's `execute`; 0 where it has none."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    bodies = [each.body for each in node.body if isinstance(each, kinds) and each.name == "execute"]
    spans = [lines[body[0].lineno - 1 : _last_line(body[-1])] for body in bodies]
    return sum(bool(line.strip()) for span in spans for line in span)


def _last_line(node: ast.stmt) -> int:
    return node.end_lineno or node.lineno


def test_nothing_is_printed_outside_the_command_line() -> None:
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


def test_tests_touch_no_private_name_of_the_product() -> None:
    assert _offences(_private_names, _sources("tests")) == {}


def _private_names(source: str) -> list[str]:
    """`module._name` and `monkeypatch.setattr(module, "_name")` of what a file imports from multiedit."""
    nodes = list(ast.walk(_tree(source)))
    imports = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    ours = [each for each in imports if (each.module or "").split(".")[0] == "multiedit"]
    names = {alias.asname or alias.name for each in ours for alias in each.names}
    found = [alias.name for each in ours for alias in each.names]
    for node in nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in names:
            found.append(node.attr)
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "setattr"
        ):
            texts = [each.value for each in node.args[:2] if isinstance(each, ast.Constant)]
            found += [text.split(".")[-1] for text in texts if isinstance(text, str)]
    return [name for name in found if name.startswith("_") and not name.endswith("__")]


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
