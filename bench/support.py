"""What the benchmarks share: the package and ComfyUI by path, fair timing, peak memory, a table."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import platform
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

ROOT_VARIABLE = "MULTIEDIT_BENCH_ROOT"  # another checkout, whose package is measured
JSON_VARIABLE = "MULTIEDIT_BENCH_JSON"  # a file that every table is added to
ROOT = Path(os.environ.get(ROOT_VARIABLE) or Path(__file__).resolve().parent.parent)


def load_package() -> None:
    """Make `multiedit` importable from this checkout, as tests/conftest.py does."""
    sys.path[:] = [entry for entry in sys.path if Path(entry or os.getcwd()).resolve() != ROOT]
    spec = importlib.util.spec_from_file_location(
        "multiedit", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{ROOT} holds no package")
    module = importlib.util.module_from_spec(spec)
    sys.modules["multiedit"] = module
    spec.loader.exec_module(module)


def load_comfyui(device: Sequence[str] = ("--cpu",)) -> ModuleType | None:
    """ComfyUI's `nodes` module, or None where COMFYUI_PATH is not set.

    Its input and output folders lie in a temporary folder: `folder_paths.get_input_directory()`.

    Args:
        device: arguments of ComfyUI that choose its device; without any it takes the best it finds.
    """
    path = os.environ.get("COMFYUI_PATH")
    if not path:
        return None
    base = Path(tempfile.mkdtemp(prefix="multiedit-bench-"))
    for folder in ("input", "output", "models", "custom_nodes"):
        (base / folder).mkdir()
    sys.path.insert(0, path)
    arguments, sys.argv = sys.argv, [sys.argv[0], *device, "--base-directory", str(base)]
    try:
        import comfy.options

        comfy.options.enable_args_parsing()
        import comfy.cli_args
    finally:
        sys.argv = arguments
    import nodes

    return nodes


def interleave(
    cases: dict[str, Callable[[], object]], rounds: int = 7, settle: bool = False
) -> dict[str, float]:
    """Median seconds of each case. The cases take turns, so that a busy moment hits all of them alike.

    Args:
        settle: run each case once more, untimed, before every timed run: what the other case gives back to
            the system makes large allocations after it dearer, which is not the cost of this one.
    """
    for call in cases.values():
        call()
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, call in cases.items():
            if settle:
                call()
            start = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def peak_memory(call: Callable[[], object]) -> int:
    """Bytes that the process needed at most during one call, over what it had before.

    Elsewhere than on Linux the kernel's mark cannot be reset, so only a new highest mark counts.
    """
    reset = Path("/proc/self/clear_refs")
    if reset.exists():
        reset.write_text("5")
    before = _high_mark()
    call()
    return _high_mark() - before


def _high_mark() -> int:
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


class Figure(NamedTuple):
    """One line of a result: what was measured, the figure, and the bar that it has to stay under."""

    name: str
    value: float
    bar: float | None = None
    unit: str = ""
    note: str = ""


def machine() -> str:
    """The processors and how busy they are: ratios of parallel work mean little on a busy machine."""
    return f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}"


def _add_to_json(path: Path, title: str, figures: Sequence[Figure]) -> None:
    known = json.loads(path.read_text()) if path.exists() else {"machine": machine_facts(), "tables": {}}
    known["tables"][title] = {figure.name: figure._asdict() for figure in figures}
    path.write_text(json.dumps(known, indent=1) + "\n")


def machine_facts() -> dict[str, object]:
    """What a figure depends on beside the code, as it is at the first table."""
    names = {
        line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")
    }
    memory = next((line.split()[1] for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), None)
    versions = {name: importlib.metadata.version(name) for name in ("torch", "numpy", "pillow")}
    return {
        "system": platform.platform(),
        "processor": sorted(names) or [platform.processor()],
        "processors": os.cpu_count(),
        "memory_bytes": None if memory is None else int(memory) * 1024,
        "load": os.getloadavg(),
        "python": platform.python_version(),
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        **versions,
    }


def _lines(path: str) -> list[str]:
    """A file of Linux's kernel; elsewhere there is none."""
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def print_table(title: str, figures: Sequence[Figure]) -> None:
    """Each figure with its bar and whether it holds; a benchmark never fails. See also `JSON_VARIABLE`."""
    if path := os.environ.get(JSON_VARIABLE):
        _add_to_json(Path(path), title, figures)
    print(f"\n{title}")
    width = max(len(figure.name) for figure in figures)
    for figure in figures:
        outcome = ""
        if figure.bar is not None:
            held = "held" if figure.value <= figure.bar else "MISSED"
            outcome = f"bar {figure.bar:g}{figure.unit}: {held}"
        value = f"{figure.value:.3g}{figure.unit}"
        print(f"  {figure.name:<{width}}  {value:>9}  {outcome:<18} {figure.note}".rstrip())
