from pathlib import Path

import pytest

from agent.errors import SettingsError
from agent.settings import load_settings


@pytest.fixture(autouse=True)
def empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "SHELF_API_KEY", "SHELF_BASE_URL", "SHELF_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_command_line_beats_environment_beats_env_file_beats_toml(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_settings().model == "gpt-4.1-mini"
    (empty_folder / "shelf.toml").write_text('model = "toml"')
    assert load_settings().model == "toml"
    (empty_folder / ".env").write_text("SHELF_MODEL=file\nOTHER_PROGRAM=1")
    assert load_settings().model == "file"
    monkeypatch.setenv("SHELF_MODEL", "environment")
    assert load_settings().model == "environment"
    assert load_settings(model="line").model == "line"
    assert load_settings(model=None).model == "environment"


def test_our_own_key_beats_the_common_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "common")
    monkeypatch.setenv("SHELF_API_KEY", "own")
    key = load_settings().api_key
    assert key is not None
    assert key.get_secret_value() == "own"
    assert "own" not in repr(load_settings())
    assert "own" not in load_settings().model_dump_json()


@pytest.mark.parametrize("blank", ["", "  "])
def test_a_blank_key_is_no_key(monkeypatch: pytest.MonkeyPatch, blank: str) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", blank)
    assert not load_settings().has_model


def test_a_wrong_setting_does_not_echo_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("SHELF_CALL_SECONDS", "sk-other")
    with pytest.raises(SettingsError, match="call_seconds") as caught:
        load_settings()
    assert "sk-" not in str(caught.value)
