"""A device beside the CPU where there is none: its tensors refuse company from the CPU, as a card's do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

DEVICE = torch.device("meta")
# What a card's tensors do with those of the CPU too.
_ACROSS = {torch.ops.aten.copy_.default, torch.ops.aten.index.Tensor, torch.ops.aten._to_copy.default}


class _OnOther(Tensor):
    """A tensor that says it is on `DEVICE`, with its values on the CPU."""

    values: Tensor

    @staticmethod
    def __new__(cls, values: Tensor) -> _OnOther:
        made: _OnOther = Tensor._make_wrapper_subclass(
            cls, values.shape, values.stride(), values.storage_offset(), dtype=values.dtype, device=DEVICE
        )
        made.values = values
        return made

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


class _Operations(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


class _Literals(TorchFunctionMode):
    """Numbers to tensors and back, which torch does without asking a dispatch mode."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is Tensor.tolist and isinstance(args[0], _OnOther):
            return args[0].values.tolist()
        if func is Tensor.new_tensor and isinstance(args[0], _OnOther):
            return torch.tensor(args[1], dtype=args[0].dtype).to(DEVICE)
        if func is torch.tensor and torch.device(kwargs.get("device") or "cpu") == DEVICE:
            return torch.tensor(*args, **{**kwargs, "device": "cpu"}).to(DEVICE)
        return func(*args, **kwargs)


@contextmanager
def other_device() -> Iterator[torch.device]:
    """Make `DEVICE` work in this thread, and no other thread be used by `in_parallel`."""
    with (
        mock.patch("os.cpu_count", return_value=1),
        mock.patch("torch.inference_mode", _no_grad),
        _Operations(),
        _Literals(),
    ):
        yield DEVICE


def _no_grad(mode: bool = True) -> torch.no_grad:
    """Stand in for inference mode, which knows no wrappers."""
    return torch.no_grad()


def _run(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    leaves = tree_flatten((args, kwargs))[0]
    other = [leaf for leaf in leaves if isinstance(leaf, _OnOther)]
    plain = [leaf for leaf in leaves if isinstance(leaf, Tensor) and not isinstance(leaf, _OnOther)]
    if other and func not in _ACROSS and any(tensor.ndim for tensor in plain):
        raise RuntimeError(f"Expected all tensors to be on the same device: {func}")
    asked = kwargs.get("device")
    there = bool(other) if asked is None else torch.device(asked) == DEVICE
    if func is torch.ops.aten.copy_.default:
        there = isinstance(args[0], _OnOther)
    if there and asked is not None:
        kwargs = {**kwargs, "device": "cpu"}
    values = tree_map(lambda leaf: leaf.values if isinstance(leaf, _OnOther) else leaf, (args, kwargs))
    result = func(*values[0], **values[1])
    known = {id(tensor.values): tensor for tensor in other}  # in-place operations return what they were given
    return tree_map(lambda leaf: _wrapped(leaf, known), result) if there else result


def _wrapped(leaf: Any, known: dict[int, _OnOther]) -> Any:
    if not isinstance(leaf, Tensor):
        return leaf
    # Whether values are conjugated or negated is noted in the tensor itself, and a wrapper has no such note.
    return known[id(leaf)] if id(leaf) in known else _OnOther(leaf.resolve_conj().resolve_neg())
