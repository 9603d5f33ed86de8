"""Nothing that a user entered or wired changes by saving, undoing, pasting or folding, in either renderer.

Opening ComfyUI takes some 10 seconds for each renderer, and what a workflow needs to settle about one.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from multiedit.tests.support.browser import Canvas
from multiedit.tests.support.comfyui import CACHE, PACK, Installation, Server
from multiedit.tests.support.page_graph import PageGraph
from multiedit.tests.support.pictures import CAT, PICTURES
from multiedit.tests.support.templates import template_file

TYPES = sorted(path.stem for path in (PACK / "web" / "docs").glob("*.md"))
ROUNDS = range(4)  # as many as a dynamic combo has options, so that each comes up
NEWEST = CACHE / "frontend" / "comfyui_frontend_package" / "static"
FRONTENDS = ["pinned", "newest"]
LOADER = "app.graph.nodes.find(node => node.type === 'MultiEditLoadLayers')"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every round on the pinned frontend, the first one on the newest: each takes a minute a renderer."""
    if "filled" in metafunc.fixturenames:
        rounds = [("pinned", number) for number in ROUNDS] + [("newest", ROUNDS[0])]
        metafunc.parametrize(("page_server", "filled"), rounds, indirect=True, scope="module")
    elif "page_server" in metafunc.fixturenames:
        metafunc.parametrize("page_server", FRONTENDS, indirect=True, scope="module")


@pytest.fixture(scope="module")
def page_server(
    request: pytest.FixtureRequest, installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server for these tests, since they change the user's settings."""
    newest = request.param == "newest"
    if newest and not NEWEST.exists():
        pytest.skip(f"no newer frontend at {NEWEST}; `make frontend` downloads it")
    base = tmp_path_factory.mktemp("comfyui-page")
    arguments = ("--front-end-root", str(NEWEST)) if newest else ()
    server = Server(installation, base, {"multi-edit": PACK}, arguments)
    with server:
        server.add_inputs(*PICTURES, CAT)
        yield server


@pytest.fixture(scope="module", params=["classic", "nodes 2.0"])
def graph(request: pytest.FixtureRequest, browser: Any, page_server: Server) -> Iterator[PageGraph]:
    page_server.post("/settings/Comfy.VueNodes.Enabled", request.param == "nodes 2.0")
    canvas = Canvas(browser, page_server.url)
    canvas.complaints.clear()  # of ComfyUI's own start
    yield PageGraph(canvas, TYPES)
    assert canvas.complaints == []
    canvas.page.close()


@pytest.fixture(scope="module")
def filled(request: pytest.FixtureRequest, graph: PageGraph) -> tuple[dict[str, Any], dict[str, Any]]:
    """A workflow with random values and links, as it is saved, and its state before that."""
    graph.fill(request.param)
    return graph.saved(), graph.state()


@pytest.fixture
def state(graph: PageGraph, filled: tuple[dict[str, Any], dict[str, Any]]) -> dict[str, Any]:
    """The workflow opened again; its state when it was made."""
    workflow, state = filled
    graph.open(workflow)
    return state


def test_every_node_is_filled_and_all_its_inputs_are_wired(graph: PageGraph, state: dict[str, Any]) -> None:
    assert {what.split()[0] for what in state} >= set(TYPES)
    assert graph.unwired() == []
    linked = {what.split()[0] for what, value in state.items() if " -> " in str(value)}
    assert set(TYPES) - linked == {"MultiEditLoadLayers"}  # which has lists of files alone


def test_saving_and_opening_changes_nothing(graph: PageGraph, state: dict[str, Any]) -> None:
    assert graph.state() == state


def test_undo_and_redo_bring_back_what_was_there(graph: PageGraph, state: dict[str, Any]) -> None:
    graph.change()
    changed = graph.state()
    assert changed != state
    graph.undo()
    assert graph.state() == state
    graph.redo()
    assert graph.state() == changed


def test_pasting_all_gives_the_same_graph_again(graph: PageGraph, state: dict[str, Any]) -> None:
    assert graph.state(graph.paste()) == state


def test_a_copy_of_a_node_has_its_values_and_links(graph: PageGraph, state: dict[str, Any]) -> None:
    assert graph.state(graph.duplicate()) == state


def test_a_subgraph_sends_what_its_nodes_sent(
    request: pytest.FixtureRequest, graph: PageGraph, state: dict[str, Any]
) -> None:
    """The newest frontend (1.58.1) moves wires of a dynamic combo's widgets by one slot."""
    newest = request.node.callspec.params["page_server"] == "newest"
    compared = graph.without_wired_widgets if newest else dict
    graph.fold()
    assert compared(graph.state()) == compared(state)
    graph.open(graph.saved())
    assert compared(graph.state()) == compared(state)


def test_a_queued_workflow_can_be_queued_again(graph: PageGraph, state: dict[str, Any]) -> None:
    graph.open(graph.queue())
    assert graph.state() == state


def loader_values(graph: PageGraph) -> dict[str, Any]:
    script = f"{LOADER}.widgets.map(widget => [widget.name, widget.value])"
    return dict(graph.page.evaluate(script))


def test_a_missing_file_is_said_when_the_workflow_is_opened(graph: PageGraph) -> None:
    workflow = json.loads(template_file("compose").read_text())
    for node in workflow["nodes"]:
        if node["type"] == "MultiEditLoadLayers":
            node["widgets_values"][2] = node["widgets_values_named"]["image_3"] = "gone.png"
    graph.open(workflow)
    graph.page.get_by_text("Media input missing").first.wait_for()
    assert loader_values(graph)["image_3"] == "gone.png"


def test_each_list_of_the_loader_has_its_own_upload(
    graph: PageGraph, page_server: Server, tmp_path: Path
) -> None:
    graph.open(json.loads(template_file("compose").read_text()))
    picture = tmp_path / f"my own {tmp_path.name}.jpg"
    shutil.copy(CAT, picture)
    lists = graph.page.locator("input[type=file][aria-label]")  # in Nodes 2.0; else a button on the canvas
    with graph.page.expect_response("**/upload/image"):
        if lists.count():
            lists.nth(1).set_input_files(picture)
        else:
            with graph.page.expect_file_chooser() as chooser:
                graph.page.evaluate(f"{LOADER}.widgets.find(widget => widget.name === 'upload_2').callback()")
            chooser.value.set_files(picture)
    graph.page.wait_for_function(f"name => {LOADER}.widgets[1].value === name", arg=picture.name)
    values = loader_values(graph)
    others = ("multi-edit/coffee.jpg [temp]", "multi-edit/coffee-mask.png [temp]")
    assert (values["image_1"], values["image_3"]) == others
    assert (page_server.base / "input" / picture.name).read_bytes() == CAT.read_bytes()
