"""The chat models behind the planner: the rules, or any server that speaks the OpenAI protocol."""

from langchain_core.language_models import BaseChatModel

from agent.settings import Settings
from agent.terminal import one_line


def openai_model(settings: Settings) -> BaseChatModel:
    """A model behind an OpenAI-compatible address. The key goes to the client and nowhere else.

    No retry inside the client: it would wait as long as the server says, and the turn has a deadline.
    """
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(
        model=settings.model,
        base_url=settings.base_url,
        # Local servers need no key, the client insists on one.
        api_key=settings.api_key or (lambda: "none"),
        temperature=0,
        timeout=settings.call_seconds,
        max_retries=0,
        streaming=settings.stream,
        stream_usage=False if settings.base_url else None,
    )


def trouble(error: Exception) -> str:
    """One line about what a language model's server did wrong, and what to change."""
    import openai

    known: tuple[tuple[type[Exception], str], ...] = (
        (openai.AuthenticationError, "the server refuses the key; set OPENAI_API_KEY or SHELF_API_KEY"),
        (openai.PermissionDeniedError, "the server refuses this key for this model; set SHELF_MODEL"),
        (
            openai.NotFoundError,
            "the server does not know this model or address; set SHELF_MODEL or SHELF_BASE_URL",
        ),
        (openai.RateLimitError, "the server is busy or the quota is used up (429); try again later"),
        (openai.APITimeoutError, "the server did not answer in time; try again or raise SHELF_CALL_SECONDS"),
        (openai.APIConnectionError, "the server cannot be reached; check SHELF_BASE_URL"),
        (openai.InternalServerError, "the server failed (5xx); try again later"),
    )
    for kind, text in known:
        if isinstance(error, kind):
            return f"language model: {text}"
    if isinstance(error, openai.APIStatusError):
        return f"language model: the request was refused ({error.status_code}); {one_line(error.message)[:200]}"
    if isinstance(error, openai.APIError | AttributeError | TypeError | KeyError | ValueError):
        return "language model: the reply is not that of an OpenAI-compatible server; check SHELF_BASE_URL"
    return f"language model: {type(error).__name__}: {one_line(str(error))[:200]}"
