"""Settings: command line, then environment (SHELF_*), then .env, then shelf.toml, then the defaults."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from agent.errors import SettingsError

PictureChoice = Literal["auto", "kitty", "iterm", "sixel", "cells", "none"]
PlannerChoice = Literal["auto", "rules", "openai"]
Seconds = Annotated[float, Field(gt=0, le=3600)]


class Settings(BaseSettings):
    """Everything that can be set. The key is secret: it prints as stars and is never written anywhere."""

    model_config = SettingsConfigDict(
        env_prefix="SHELF_",
        env_file=".env",
        toml_file="shelf.toml",
        extra="ignore",  # .env files hold other programs' settings too
        frozen=True,
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    planner: PlannerChoice = "auto"
    model: str = Field("gpt-4.1-mini", description="model name that is sent to the server", min_length=1)
    base_url: str | None = Field(
        None,
        description="address of an OpenAI-compatible server, ending in /v1",
        validation_alias=AliasChoices("SHELF_BASE_URL", "OPENAI_BASE_URL", "base_url"),
    )
    api_key: SecretStr | None = Field(
        None,
        description="key for that server",
        validation_alias=AliasChoices("SHELF_API_KEY", "OPENAI_API_KEY", "api_key"),
    )
    wordings: Literal["vocabulary", "openai"] = Field(
        "vocabulary", description="who proposes wordings for the vision model; openai asks the language model too"
    )
    captions: str = Field(
        "words",
        description="what writes captions: words (from what is printed), openai, or the folder or hub id of a BLIP",
        min_length=1,
    )
    stream: bool = Field(False, description="ask the server to stream; notices a dead server sooner")
    call_seconds: Seconds = Field(60, description="longest wait for one reply of the language model")
    turn_seconds: Seconds = Field(600, description="longest time for one request, tools included")
    model_calls: int = Field(8, ge=1, le=50, description="most calls of the language model for one request")
    tool_calls: int = Field(24, ge=1, le=200, description="most tool calls for one request")
    tokens: int = Field(60_000, ge=100, description="most tokens of the language model for one request")
    checkpoint: str | None = Field(None, description="segmentation weights: shipped name, folder or hub id")
    pictures: PictureChoice = Field(
        "auto", description="how a chat shows pictures in the terminal; auto asks the terminal, none shows their path"
    )
    trace: bool = Field(True, description="leave a trace of each turn in the home folder, for shelf replay")
    home: Path = Field(Path("~/.local/share/shelf"), description="where chats, their history and traces are kept")

    @field_validator("base_url")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return value or None

    @field_validator("api_key")
    @classmethod
    def _is_not_blank(cls, value: SecretStr | None) -> SecretStr | None:
        return value if value and value.get_secret_value().strip() else None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Add shelf.toml after the environment; pydantic-settings reads no TOML of its own accord."""
        return init_settings, env_settings, dotenv_settings, TomlConfigSettingsSource(settings_cls)

    @property
    def has_model(self) -> bool:
        """Whether a language model was configured at all."""
        return self.api_key is not None or self.base_url is not None


def load_settings(**overrides: object) -> Settings:
    """Read all sources; `overrides` (the command line) win, None means not given.

    Raises:
        SettingsError: naming each setting that cannot be used.
    """
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise SettingsError(f"settings: {faults}") from error
    except ValueError as error:  # a shelf.toml that is not TOML
        raise SettingsError(f"shelf.toml: {error}") from error
