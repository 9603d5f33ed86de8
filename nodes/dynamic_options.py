"""Refuse values of dynamic combos that are no option, before anything runs.

ComfyUI drops such a value without a word, except for nodes that accept all inputs. So those with a dynamic
combo do, and leave aside what else was sent that their schema does not have.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from comfy_api.latest import io

from ..pipelines.common.errors import InvalidRequest
from ..pipelines.common.validation import describe

UNSENT: Mapping[str, Any] = MappingProxyType({})
"""The default of a dynamic combo in `validate_inputs`; a connected one comes as None."""
_MOST_LISTED = 6


def refuse_unknown(node: type[io.ComfyNode], hint: str = "", **values: Any) -> bool | str:
    """What `validate_inputs` returns: True, or the message about the first value that is no option.

    Args:
        hint: why an option may be missing.
        values: dynamic combos by name, as ComfyUI gives them: a mapping where the value is an option.
    """
    for name, value in values.items():
        if not isinstance(value, Mapping):
            allowed = _allowed(node, name)
            return f"{name} is {describe(value)}; it must be an option of this node{allowed} {hint}".strip()
    return True


def require_option(name: str, value: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The value of a dynamic combo, which ComfyUI does not miss where a prompt leaves it out.

    Raises:
        InvalidRequest: it is None.
    """
    if value is None:
        raise InvalidRequest(f"{name} is missing. Choose an option of this node for it.", field=name)
    return value


def _allowed(node: type[io.ComfyNode], name: str) -> str:
    [combo] = [given for given in node.define_schema().inputs if given.id == name]
    keys = [option.key for option in combo.options]
    return f": {', '.join(keys)}." if len(keys) <= _MOST_LISTED else "; choose one from its list."
