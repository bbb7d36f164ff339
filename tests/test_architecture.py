"""What holds the tree together: imports run one way, and the command line starts light."""

import ast
import resource
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = ("agent", "tools", "segmentation", "prompts")  # each may import what stands behind it
HEAVY = (
    "torch",
    "transformers",
    "cv2",
    "onnxruntime",
    "rapidocr",
    "langchain",
    "openai",
    "scipy",
    "matplotlib",
)


def modules() -> list[Path]:
    return sorted(path for layer in LAYERS for path in (ROOT / layer).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """First names of everything that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_run_one_way(layer: str) -> None:
    above = set(LAYERS[: LAYERS.index(layer)])
    wrong = [f"{path.relative_to(ROOT)}: {sorted(imported(path) & above)}" for path in modules()
             if path.relative_to(ROOT).parts[0] == layer and imported(path) & above]  # fmt: skip
    assert wrong == []


def test_no_module_of_the_product_imports_the_tests() -> None:
    assert [path for path in modules() if "tests" in imported(path)] == []


def test_the_command_line_imports_nothing_heavy() -> None:
    code = f"import agent.cli, sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_is_there_at_once() -> None:
    """By processor time: how long it takes on a busy machine says nothing about it."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-c", "from agent.cli import main; main()", "--help"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    assert b"count" in done.stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1.5  # it takes 0.5


def test_words_for_models_live_in_prompts() -> None:
    """A system prompt in code would be a prompt that nobody finds."""
    texts = [path for path in modules() if path.suffix == ".py" and "You answer questions" in path.read_text()]
    assert texts == []
