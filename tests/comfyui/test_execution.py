"""What ComfyUI's history and page say of our nodes: errors, missing files, the way to missing weights."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from multiedit.tests.support.comfyui import Installation, Server


def saving(color: int, **inputs: Any) -> dict[str, Any]:
    image = {"width": 32, "height": 32, "batch_size": 2, "color": color}
    save = {"images": ["image", 0], "filename_prefix": "kept/again", "format": "png", **inputs}
    return {
        "image": {"class_type": "EmptyImage", "inputs": image},
        "save": {"class_type": "MultiEditSave", "inputs": save},
    }


def screening(**inputs: Any) -> dict[str, Any]:
    graph = saving(3)
    graph["safe"] = {"class_type": "MultiEditSafeMode", "inputs": {"image": ["image", 0], **inputs}}
    graph["save"]["inputs"]["images"] = ["safe", 0]
    return graph


def paths(server: Server, run: Any) -> list[Path]:
    return [server.base / "output" / file["subfolder"] / file["filename"] for file in run.files("save")]


def test_a_file_that_is_gone_is_written_again_and_no_other(server: Server) -> None:
    first, other = server.run(saving(1)), server.run(saving(2))
    for _ in range(2):
        again = server.run(saving(2))
        assert {"image", "save"} <= again.cached
        assert paths(server, again) == paths(server, other)
    paths(server, first)[1].unlink()
    assert "save" in server.run(saving(2)).cached
    rewritten = server.run(saving(1))
    assert "save" not in rewritten.cached
    assert len(paths(server, rewritten)) == 2
    assert all(path.is_file() for path in paths(server, rewritten))
    again = server.run(saving(1))
    assert "save" in again.cached
    assert paths(server, again) == paths(server, rewritten)


@pytest.mark.parametrize(
    ("graph", "kind", "begins"),
    [
        (saving(1, report=["text", 0]), "InvalidRequest", "report"),
        (screening(classifier="light"), "ClassifierMissing", "The safe mode weights"),
    ],
)
def test_an_error_has_its_short_name_and_its_message_first(
    server: Server, graph: dict[str, Any], kind: str, begins: str
) -> None:
    graph["text"] = {"class_type": "PrimitiveString", "inputs": {"value": "no report"}}
    error = server.run(graph).events["execution_error"]
    assert error["exception_type"] == kind
    assert error["exception_message"].startswith(begins)


def test_the_command_for_missing_weights_runs_in_comfyuis_python(
    server: Server, installation: Installation
) -> None:
    """It starts another process with torch, which takes seconds."""
    folder = server.base / "models" / "classifiers"
    folder.parent.mkdir(exist_ok=True)
    message = server.run(screening(classifier="light")).error
    [words] = re.findall("`python ([^`]*)`", message)
    assert words == f"custom_nodes/{server.folder} safety download light"
    command = [str(installation.python), *words.split(), "--yes", "--url", "http://127.0.0.1:1/light"]
    ran = subprocess.run(command, cwd=server.base, capture_output=True, text=True, check=False)
    assert ran.returncode == 4
    assert f"to {folder}" in ran.stderr
    assert "could not be downloaded" in ran.stderr


def test_nothing_of_ours_warns(server: Server) -> None:
    """From the start to a run: other lines of the log are ComfyUI's own."""
    server.run(screening())
    own = [
        line
        for line in server.log.splitlines()
        if re.search("warning", line, re.IGNORECASE) and re.search(f"multi.?edit|{server.folder}", line)
    ]
    assert own == []
