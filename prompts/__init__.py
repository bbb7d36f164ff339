"""Every word sent to a model, as data. Nothing here imports from the rest of the project."""

from importlib.resources import files


def read(name: str) -> str:
    """The text of one file of this package, UTF-8."""
    return (files(__name__) / name).read_text(encoding="utf-8")
