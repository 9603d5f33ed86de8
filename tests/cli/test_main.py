"""Errors, exit codes, help, and standard streams that are closed or full."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest
from multiedit.cli import catalog, edit
from multiedit.cli.main import main
from multiedit.pipelines.common import errors
from multiedit.tests.support.shell import EDIT, MULTIEDIT, Ran, Shell, file_bytes

WRONG = [
    ("", 2, "COMMAND"),
    ("paint", 2, "'paint'"),
    ("edit --image red.png -o out.png", 2, "--prompt"),
    (EDIT + "--seed x -o out.png", 2, "--seed"),
    (EDIT + "--seed -1 -o out.png", 2, "multiedit.seed is -1"),
    (EDIT + "--seed 1e9 -o out.png", 2, "--seed is '1e9'; it must be a whole number, such as 42."),
    (EDIT + f"--seed {'9' * 5000} -o out.png", 2, "--seed is '999"),
    (EDIT + "-o out.png --place 2=", 2, "--place has '2='; it must be N=NAME=VALUE"),
    (EDIT + "-o out.png --role 2=", 2, "--role has '2='; it must be N=ROLE"),
    (EDIT + "-o out.png --place 2=scale=1", 2, "must be an image number, 1: the request has 1 image."),
    ("safety eval --dir /nope --benign", 2, "--dir is '/nope', which is not a folder."),
    ("safety check red.png --threshold half", 2, "--threshold is 'half'; it must be a number"),
    ("serve --port x", 2, "--port is 'x'; it must be a whole number"),
    ("resolve --image-size 99999x99999", 2, "'99999x99999'; it must be WIDTHxHEIGHT"),
    ("resolve --image-size 65536x16", 2, "65535 px a side at most"),
    (EDIT + "-o out.png --model midjourney", 2, "Unknown model 'midjourney'. `multiedit models` lists all"),
    (EDIT, 2, "-o FILE"),
    (EDIT + "-o out.gif", 2, "'gif' is not an output format: jpeg, jpg, png, webp."),
    (EDIT + "-o out.gif --explain", 2, "jpeg, jpg, png, webp"),
    (EDIT + "-o out --output-format gif", 2, "jpeg, jpg, png, webp"),
    (
        EDIT + "-o out.jpg --file-quality 0",
        2,
        "--file-quality is 0; it must be a whole number from 1 to 100.",
    ),
    (EDIT + "-o out.jpg --file-quality 101", 2, "--file-quality is 101"),
    (EDIT + "-o out.jpg --matte green", 2, "--matte is 'green'"),
    (EDIT + "-o out.png --model layer-compsite", 2, "nearest known one is 'layer-composite'"),
    (EDIT + "-o out.png --aspect-ratio 7:3", 2, "Supported: auto, 1:1"),
    (EDIT + "-o out.png --resolution 8K", 2, "Supported: 1K, 2K, 4K"),
    (EDIT + "-o out.png --quality best", 2, "low, medium, high"),
    (EDIT + "-o out.png --image - --image -", 2, "Standard input holds one image"),
    (EDIT + "-o out.png --image blue.jpg --role 2", 2, "--role has '2'; it must be N=ROLE"),
    (EDIT + "-o out.png --image blue.jpg --role 2=top", 2, "base, overlay, mask, reference"),
    (EDIT + "-o out.png --image blue.jpg --role 3=mask", 2, "'3'; it must be an image number, 1 or 2"),
    (EDIT + "-o out.png --image blue.jpg --role 2=mask --role 2=overlay", 2, "--role gives '2' twice"),
    (EDIT + "-o out.png --image blue.jpg --place 2", 2, "--place has '2'; it must be N=NAME=VALUE"),
    (EDIT + "-o out.png --image blue.jpg --place 2=scale", 2, "--place has 'scale'"),
    (EDIT + "-o out.png --image blue.jpg --place 2=scale=1,", 2, "--place has ''"),
    (EDIT + "-o out.png --image blue.jpg --place 2=scal=1", 2, "Did you mean 'scale'?"),
    (EDIT + "-o out.png --image blue.jpg --place 2=scale=nan", 2, "it must be a number from 0.001 to 100"),
    (EDIT + "-o out.png --image blue.jpg --place 2=flip_h=1", 2, "true or false"),
    (EDIT + "-o out.png --image blue.jpg --place 2=scale=1,scale=2", 2, "gives 'scale' twice"),
    (EDIT + "-o out.png --image blue.jpg --place 2=scale=1 --place 2=fit=none", 2, "gives '2' twice"),
    (EDIT + "-o out.png --image missing.png", 3, "image 2 (missing.png) does not exist"),
    (EDIT + "-o out.png --image text.png", 3, "image 2 is text, not an image"),
    (EDIT + "-o out.png --image .", 3, "image 2 (.) is a directory"),
    (EDIT + "-o out.png --image http://127.0.0.1:9/x.png", 4, "image 2"),
    (EDIT + "-o out.png --image ftp://host/x.png", 4, "image 2 is a URL of the scheme ftp:. Give a path"),
    (EDIT + "-o out.png --image file://host/x.png", 4, "image 2 is a file URL without an absolute path"),
    ("safety check s3://bucket/key", 4, "the image is a URL of the scheme s3:"),
    (EDIT + "-o out.png --image http://127.0.0.1:8188/x.png", 4, "image 2"),
    (EDIT + "-o out.png --model nano-banana-2-edit", 5, "Models that can run here: layer-composite."),
    (EDIT + "-o nowhere/out.png", 7, "The folder nowhere does not exist."),
    (EDIT + "-o .", 7, ". is a folder."),
    (EDIT + f"-o {'n' * 300}.png", 7, "the name is too long"),
    ("compose missing.json -o out.png", 2, "missing.json cannot be read"),
    ("compose text.png -o out.png", 2, "is not valid JSON"),
    ("compose text.png -o out.gif", 2, "jpeg, jpg, png, webp"),
    ("compose text.png", 2, "-o FILE"),
    ("resolve", 2, "aspect_ratio is not given"),
    ("resolve --image-size 300", 2, "--image-size is '300'; it must be WIDTHxHEIGHT"),
    ("resolve --image-size 0x9", 2, "WIDTHxHEIGHT"),
    (f"resolve --image-size {'9' * 5000}x9", 2, "(5002 characters); it must be WIDTHxHEIGHT"),
    ("resolve --model layers --aspect-ratio 1:1", 2, "nearest known one"),
    ("models nano-banana", 2, "nearest known one is 'nano-banana"),
    ("safety", 2, "COMMAND"),
    ("safety check text.png", 3, "the image is text"),
    ("safety check red.png --threshold 2", 2, "it must be 0 to 1"),
]


@pytest.mark.parametrize(("line", "code", "words"), WRONG, ids=[line[-60:] for line, _, _ in WRONG])
def test_an_error_has_its_exit_code_one_message_and_leaves_no_file(
    shell: Shell, line: str, code: int, words: str
) -> None:
    before = file_bytes()
    ran = shell(line)
    assert (ran.code, ran.out) == (code, b"")
    assert ran.err.startswith("multiedit: ")
    assert ran.err.count("\n") == 1
    assert words in ran.err
    assert file_bytes() == before


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("edit --json", {"code": "INVALID_REQUEST", "field": None}),
        (EDIT + "-o - --json", {"code": "INVALID_REQUEST", "field": None}),
        (EDIT + "-o out.png --json --model x", {"code": "INVALID_MODEL", "field": "modelId"}),
        (EDIT + "-o out.png --json --image text.png", {"code": "CORRUPTED_IMAGE", "field": "images"}),
        ("models x --json", {"code": "INVALID_MODEL", "field": "modelId"}),
        ("safety check no.png --json", {"code": "CORRUPTED_IMAGE", "field": "images"}),
    ],
)
def test_an_error_is_json_where_that_is_asked(shell: Shell, line: str, error: dict[str, str]) -> None:
    ran = shell(line)
    message = ran.json["error"]["message"]
    assert ran.json == {"error": {**error, "message": message}}
    assert ran.err == f"multiedit: {message}\n"


def test_a_variable_of_the_environment_that_is_no_number_is_an_error(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MULTIEDIT_MAX_PIXELS", "many")
    assert shell(EDIT + "-o out.png").code == 2


@pytest.mark.parametrize("line", [EDIT + "-o out.png", "serve --port 0", "models"])
@pytest.mark.parametrize("value", ["junk", "gpt-image-2-edit=junk", "qwen-edit=layer-composite"])
def test_model_aliases_that_cannot_be_are_refused_at_the_start(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, line: str, value: str
) -> None:
    monkeypatch.setenv("MULTIEDIT_MODEL_ALIASES", value)
    ran = shell(line)
    assert (ran.code, f"MULTIEDIT_MODEL_ALIASES has '{value}'" in ran.err) == (2, True)


def _help(line: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        main([*line.split(), "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_help_lists_the_exit_code_of_every_error(capsys: pytest.CaptureFixture[str]) -> None:
    listed = {
        int(code) for code in re.findall(r"(?:  |^)(\d+) ", _help("", capsys).partition("exit codes:")[2])
    }
    classes = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    codes = {kind.exit_code for kind in classes if issubclass(kind, errors.MultiEditError)}
    assert listed == codes | {0, edit.INTERRUPTED}


def test_help_says_that_the_decision_is_not_an_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert "exit code is 0 whatever the decision" in " ".join(_help("safety check", capsys).split())


def test_options_are_not_abbreviated(shell: Shell) -> None:
    ran = shell("models --js")
    assert ran.code == 2
    assert "--js" in ran.err


def test_an_interrupt_ends_quietly(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(options: Namespace) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(catalog, "models", interrupted)
    assert shell("models") == Ran(130, b"", "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("line", ["models", "models nope --json"])
def test_a_full_standard_output_is_an_error_and_no_traceback(line: str) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run([*MULTIEDIT, *line.split()], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == (2 if "nope" in line else 7)
    *_, last = done.stderr.splitlines()
    assert last.startswith("multiedit: Standard output cannot be written: ")
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="closes a stream in the shell")
@pytest.mark.parametrize(
    ("line", "closed", "code", "out", "err"),
    [
        ("edit --image - --prompt p -o {}/out.png", "<&-", 3, "", "multiedit: Standard input is closed."),
        ("resolve --aspect-ratio 1:1", ">&-", 7, "", "multiedit: Standard output is closed."),
        ("resolve --aspect-ratio 1:1", "2>&-", 0, "1024x1024\n", ""),
    ],
)
def test_a_closed_stream_is_no_traceback(
    line: str, closed: str, code: int, out: str, err: str, tmp_path: Path
) -> None:
    command = ["sh", "-c", f'"$@" {closed}', "sh", *MULTIEDIT, *line.format(tmp_path).split()]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr.startswith(err)) == (code, out, True)
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    project = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    assert f'version = "{capsys.readouterr().out.removeprefix("multiedit ").strip()}"' in project
