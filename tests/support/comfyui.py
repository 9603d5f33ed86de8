"""ComfyUI on this machine: where it is, and a real server of it. Only its HTTP; nothing of it is imported."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multiedit.tests.support.events import Events, collect

PACK = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "multi-edit")
START_SECONDS = 180
RUN_SECONDS = 120
# Of somebody who has used ComfyUI before: no welcome dialog over the graph.
SETTINGS = {"Comfy.TutorialCompleted": True, "Comfy.Minimap.Visible": False}


@dataclass(frozen=True)
class Installation:
    """A checkout of ComfyUI and the Python that has its requirements."""

    home: Path
    python: Path

    @classmethod
    def find(cls) -> Installation:
        """MULTIEDIT_COMFYUI and MULTIEDIT_COMFYUI_PYTHON, else what `make comfyui` sets up."""
        home = os.environ.get("MULTIEDIT_COMFYUI") or CACHE / "ComfyUI"
        python = os.environ.get("MULTIEDIT_COMFYUI_PYTHON") or CACHE / "comfyui-env" / "bin" / "python"
        return cls(Path(home).absolute(), Path(python).absolute())

    def missing(self) -> str | None:
        """What is not there, as a reason to skip."""
        wanted = (self.home / "main.py", self.python)
        gone = (path for path in wanted if not path.exists())
        return next((f"no ComfyUI at {path}; `make comfyui` installs it" for path in gone), None)

    @property
    def version(self) -> str:
        return (self.home / "comfyui_version.py").read_text().rpartition("=")[2].strip(' "\n')


@dataclass(frozen=True)
class Run:
    """A finished prompt: what /history says of it."""

    entry: Mapping[str, Any]

    @property
    def events(self) -> dict[str, Any]:
        return dict(self.entry["status"]["messages"])

    @property
    def cached(self) -> set[str]:
        return set(self.events["execution_cached"]["nodes"])

    @property
    def error(self) -> str:
        return self.events["execution_error"]["exception_message"]

    def files(self, node: str) -> list[dict[str, str]]:
        return self.entry["outputs"][node]["images"]


@dataclass(frozen=True)
class Watched:
    """A finished prompt and what its page would have seen of it."""

    run: Run
    events: Events


class Server:
    """A ComfyUI on the CPU, with folders of its own and packs linked into them, until `stop`."""

    def __init__(
        self,
        installation: Installation,
        base: Path,
        packs: Mapping[str, Path],
        arguments: tuple[str, ...] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.base = base
        self.arguments = arguments
        self.folder = next(iter(packs))
        self.log_file = base / "server.log"
        for name, pack in packs.items():
            link = base / "custom_nodes" / name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(pack, target_is_directory=True)
        settings = base / "user" / "default" / "comfy.settings.json"
        settings.parent.mkdir(parents=True, exist_ok=True)
        settings.write_text(json.dumps(SETTINGS))
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [
            str(installation.python), "main.py", "--cpu", "--port", str(port), "--base-directory", str(base),
            "--database-url", "sqlite:///:memory:", "--disable-api-nodes", *arguments,
        ]  # fmt: skip
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=installation.home,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
            )

    def __enter__(self) -> Server:
        """Wait until it answers; where it does not, it is stopped."""
        try:
            self.wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *reason: object) -> None:
        self.stop()

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def warnings(self, since: int = 0) -> list[str]:
        """The lines of the log that warn or say an error, from a place in it on."""
        lines = self.log[since:].splitlines()
        return [line for line in lines if re.search(r"\[(WARNING|ERROR|CRITICAL)\]|Traceback", line)]

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.get("/system_stats")
                return
            except OSError:
                ended = self.process.poll()
                if ended is not None or time.monotonic() > deadline:
                    state = "did not answer" if ended is None else f"ended with {ended}"
                    raise RuntimeError(f"ComfyUI {state}:\n{self.log[-4000:]}") from None
                time.sleep(0.2)

    def wait_until_ended(self) -> int:
        return self.process.wait(START_SECONDS)

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def add_inputs(self, *files: Path) -> None:
        """What the upload button does."""
        (self.base / "input").mkdir(exist_ok=True)
        for file in files:
            shutil.copy(file, self.base / "input" / file.name)

    def get(self, path: str) -> bytes:
        """The body of a 200; anything else raises `urllib.error.HTTPError`."""
        with urllib.request.urlopen(self.url + path, timeout=30) as response:  # noqa: S310  # 127.0.0.1
            return response.read()

    def json(self, path: str) -> Any:
        return json.loads(self.get(path))

    def status(self, path: str) -> int:
        try:
            self.get(path)
        except urllib.error.HTTPError as error:
            return error.code
        return 200

    def view(self, file: Mapping[str, str]) -> bytes:
        return self.get("/view?" + urllib.parse.urlencode(file))

    def post(self, path: str, data: Any = None) -> Any:
        """The JSON of a 200, None for an empty body; anything else raises `urllib.error.HTTPError`."""
        body = json.dumps({} if data is None else data).encode()
        request = urllib.request.Request(  # noqa: S310  # 127.0.0.1
            self.url + path, body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            return json.loads(response.read() or "null")

    def queue(self, prompt: Mapping[str, Any], client: str = "") -> str:
        """Queue a prompt in API format; its id.

        Raises:
            AssertionError: a node of it was refused.
        """
        try:
            answer = self.post("/prompt", {"prompt": prompt, "client_id": client or uuid.uuid4().hex})
        except urllib.error.HTTPError as error:
            raise AssertionError(f"/prompt refused: {error.read().decode()}") from None
        assert not answer["node_errors"], answer["node_errors"]
        return answer["prompt_id"]

    def forget(self) -> None:
        """Empty the caches of nodes and models, so that the next prompt starts cold."""
        self.post("/free", {"unload_models": True, "free_memory": True})
        # It is done at the latest after the next prompt, before the one after that.
        image = {"width": 16, "height": 16, "batch_size": 1, "color": 0}
        show = {"class_type": "PreviewImage", "inputs": {"images": ["image", 0]}}
        self.run({"image": {"class_type": "EmptyImage", "inputs": image}, "show": show})

    def run(self, prompt: Mapping[str, Any]) -> Run:
        """Queue a prompt and wait for its end, whichever that is."""
        before = set(self.json("/history"))
        self.queue(prompt)
        return self.next_run(before)

    def watch(
        self,
        prompt: Mapping[str, Any],
        on_event: Callable[[str, Any], None] = lambda event, data: None,
        seconds: float = RUN_SECONDS,
    ) -> Watched:
        """As `run`, with all events of the prompt; `on_event` gets each when it comes, and may interrupt.

        Args:
            seconds: without an event, after which it counts as lost.
        """
        before = set(self.json("/history"))
        events = collect(self.url, lambda client: self.queue(prompt, client), on_event, seconds)
        return Watched(self.next_run(before), events)

    def next_run(self, before: set[str]) -> Run:
        """Wait for the end of a prompt that is not among those of `before`."""
        deadline = time.monotonic() + RUN_SECONDS
        while time.monotonic() < deadline:
            history = self.json("/history")
            if new := set(history) - before:
                return Run(history[new.pop()])
            time.sleep(0.05)
        raise AssertionError(f"the prompt did not end in {RUN_SECONDS} s:\n{self.log[-4000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
