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
"""The default of a dynamic combo in `validate_inputs`; a connected one, or null, comes as None.

ComfyUI shows a refusal at the inputs that were sent and that `validate_inputs` names: beside a required combo
it names another input, so that leaving out the combo is refused too.
"""
_MOST_LISTED = 6


def refuse_unknown(node: type[io.ComfyNode], hint: str = "", **values: Any) -> bool | str:
    """What `validate_inputs` returns: True, or the message about the first that is missing or no option.

    Args:
        hint: why an option may be missing.
        values: dynamic combos by name, as ComfyUI gives them: a mapping where the value is an option.
    """
    for name, value in values.items():
        [combo] = [given for given in node.define_schema().inputs if given.id == name]
        if value is UNSENT and not combo.optional:
            return _missing(name)
        options = _options(combo)
        if value is UNSENT or _is_option(value, name, options):
            continue
        given = f"{name} is {describe(value)}"
        if value is None:
            given = f"{name} is connected, or null. Disconnect it"
        return f"{given}; it must be an option of this node{_allowed(options)} {hint}".strip()
    return True


def require_option(name: str, value: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The value of a dynamic combo, which ComfyUI does not miss where a prompt leaves it out.

    Raises:
        InvalidRequest: it is None.
    """
    if value is None:
        raise InvalidRequest(_missing(name), field=name)
    return value


def _missing(name: str) -> str:
    return f"{name} is missing. Choose an option of this node for it."


def _options(combo: Any) -> dict[str, set[str]]:
    """The names of the inputs below each option, by its key."""
    return {option.key: {below.id for below in option.inputs} for option in combo.options}


def _is_option(value: object, name: str, options: Mapping[str, set[str]]) -> bool:
    """Tell the mapping that ComfyUI makes of an option from an object in its place in the prompt.

    Here ComfyUI's has all inputs below the option, each as None: it validates their values by itself.
    """
    if not isinstance(value, Mapping):
        return False
    key = value.get(name)
    below = {other: given for other, given in value.items() if other != name}
    return isinstance(key, str) and key in options and below == dict.fromkeys(options[key])


def _allowed(options: Mapping[str, set[str]]) -> str:
    keys = list(options)
    return f": {', '.join(keys)}." if len(keys) <= _MOST_LISTED else "; choose one from its list."
