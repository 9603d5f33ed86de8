"""Read how a job ends: accepted or refused by the queue, and then its outputs or its error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ....common.errors import ERROR_CLASSES, EditFailed, EditInterrupted, InvalidRequest, MultiEditError
from .connection import ComfyUIConnection, ComfyUIResponse

Outputs = Mapping[str, Mapping[str, Sequence[Any]]]
"""What the nodes showed, by node id and kind: {"9": {"images": [{"filename": ...}]}}."""

_MOST_SHOWN = 5
_LONGEST_SHOWN = 1000
_OWN_NODES = "MultiEdit"


def require_accepted(response: ComfyUIResponse, connection: ComfyUIConnection) -> None:
    """Check the response of POST /prompt.

    Raises:
        InvalidRequest: a node was refused; each one's problems are in the message. ComfyUI queues what
            does not need such a node and says 200.
        EditFailed: the response is not ComfyUI's.
    """
    problems = connection.parse_json(_problems, response.body)
    if problems or response.status != 200:
        reasons = "; ".join(list(dict.fromkeys(problems))[:_MOST_SHOWN]) or "no reason is given"
        raise InvalidRequest(
            f"{connection.name} refuses the graph: {_line(reasons)}. "
            "Install the same version of multi-edit there."
        )


def _problems(response: Mapping[str, Any]) -> list[str]:
    refused = response["node_errors"] or {}
    problems = [
        f"{node['class_type']}: {error['message']} ({error['details']})"
        for node in refused.values()
        for error in node["errors"]
    ]
    general = response.get("error")
    if general and not problems:
        problems = [f"{general['message']} ({general['details']})"]
    return problems


def outputs_of(entry: Any, connection: ComfyUIConnection) -> Outputs:
    """The outputs of a job that has ended well.

    Args:
        entry: of /history; None where there is none.

    Raises:
        EditInterrupted: somebody stopped it, or took it out of the queue.
        EditFailed: a node failed; the message is ComfyUI's. An error of one of our own nodes keeps its class.
    """
    if entry is None:
        raise EditInterrupted(
            f"{connection.name} no longer has the job: it was removed from the queue, or ComfyUI was "
            "restarted. Run the edit again."
        )
    events, outputs = connection.parse(lambda: (dict(entry["status"]["messages"]), {**entry["outputs"]}))
    if "execution_error" in events:
        raise connection.parse(lambda: _failure(events["execution_error"], connection.name))
    if "execution_success" not in events:
        raise EditInterrupted(f"{connection.name} interrupted the edit. Run it again.")
    return outputs


def _failure(event: Mapping[str, Any], name: str) -> MultiEditError:
    """The error of a node, without the values and the stack that come with it."""
    node, message = str(event["node_type"]), _line(str(event["exception_message"]))
    kind = ERROR_CLASSES.get(str(event["exception_type"]).rpartition(".")[2])
    if node.startswith(_OWN_NODES) and kind is not None:
        return kind(message)
    return EditFailed(f"{node} failed. {name} says: {message or event['exception_type']}")


def _line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_SHOWN else f"{line[:_LONGEST_SHOWN]}..."
