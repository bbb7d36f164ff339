"""Which tools a command gets: a batch's never ask a language model about a photo."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import agent.models
from agent.settings import Settings
from agent.workbench import OpenWorkbench, open_batch_workbench, open_workbench
from tools.registry import Progress


@pytest.mark.parametrize(("open_bench", "asked"), [(open_workbench, True), (open_batch_workbench, False)])
def test_wordings_of_a_language_model_are_for_single_counts(
    tmp_path: Path, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch, open_bench: OpenWorkbench, asked: bool
) -> None:
    calls: list[Any] = []

    class Model:
        def invoke(self, messages: Any) -> Any:
            calls.append(messages)
            raise ConnectionError("nobody there")

    def model(settings: Settings) -> Model:
        return Model()

    monkeypatch.setattr(agent.models, "openai_model", model)
    monkeypatch.setenv("SHELF_WORDINGS", "openai")
    Image.new("RGB", (352, 352), "red").save(tmp_path / "shelf.png")
    bench = open_bench(str(tiny_checkpoint))
    photo = bench.add(tmp_path / "shelf.png")

    bench.registry.get("count").call({"image": photo.id, "target": "red boxes"}, Progress())

    assert bool(calls) is asked
