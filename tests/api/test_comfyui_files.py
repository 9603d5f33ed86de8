"""Old images of API edits in ComfyUI's folders."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from aiohttp import web
from multiedit.api.comfyui_files import cleaning, delete_old_files
from multiedit.pipelines.adapters.comfyui.client.client import new_id

OWN = ["a" * 64 + ".png", "0" * 64 + ".jpg", f"{new_id()}_00001_.webp"]
OTHERS = ["cup.png", "a" * 63 + ".png", "MultiEdit_00001_.png", f"{new_id()}.png"]


def files(folder: Path, age: float) -> None:
    folder.mkdir(parents=True)
    for name in [*OWN, *OTHERS]:
        (folder / name).write_bytes(b"x")
        os.utime(folder / name, (1000.0 - age, 1000.0 - age))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_old_ones_of_ours_go_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "multi-edit"
    files(folder, 101.0)
    (folder / ("b" * 64 + ".png")).mkdir()
    assert len(delete_old_files(folder, 100.0, 1000.0)) == len(OWN)
    assert names(folder) == sorted([*OTHERS, "b" * 64 + ".png"])
    assert delete_old_files(tmp_path / "nowhere", 100.0, 1000.0) == []


def test_young_ones_stay(tmp_path: Path) -> None:
    files(tmp_path / "multi-edit", 99.0)
    assert delete_old_files(tmp_path / "multi-edit", 100.0, 1000.0) == []


def test_a_running_application_cleans_its_folders(tmp_path: Path) -> None:
    for name in ("input", "output"):
        files(tmp_path / name / "multi-edit", 0.0)  # which is long ago by today's clock

    async def scenario() -> None:
        app = web.Application()
        app.cleanup_ctx.append(cleaning(lambda: [tmp_path / "input", tmp_path / "output"], 3600.0))
        runner = web.AppRunner(app)
        await runner.setup()
        for _ in range(200):
            if names(tmp_path / "output" / "multi-edit") == sorted(OTHERS):
                break
            await asyncio.sleep(0.01)
        await runner.cleanup()

    asyncio.run(scenario())
    assert names(tmp_path / "input" / "multi-edit") == sorted(OTHERS)
    assert names(tmp_path / "output" / "multi-edit") == sorted(OTHERS)
