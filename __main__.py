"""`python -m multiedit`, and `python FOLDER` for a folder of any name, such as one in custom_nodes."""

import importlib.util
import sys
from pathlib import Path


def _load_package() -> None:
    """Load this folder as the package `multiedit`, without its folders as modules of their own."""
    folder = Path(__file__).absolute().parent
    sys.path[:] = [entry for entry in sys.path if Path(entry).absolute() != folder]
    spec = importlib.util.spec_from_file_location(
        "multiedit", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise SystemExit(f"{folder} is not the folder of multi-edit.")
    sys.modules["multiedit"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)


if not __package__:
    _load_package()
    __package__ = "multiedit"

from .cli.main import main  # noqa: E402

raise SystemExit(main())
