"""What can go wrong between a request and its answer.

UserError (segmentation.errors)
└── AgentError
├── SettingsError     a setting in the environment, .env or shelf.toml cannot be used
├── PlannerError      the language model cannot be reached, is refused, or answers nonsense
└── DeadlineError     the turn did not end in the time it was given
"""

from segmentation.errors import UserError


class AgentError(UserError):
    """Root of what the agent raises on purpose."""


class SettingsError(AgentError):
    """A setting that cannot be used; the text names it, never its value when that is a secret."""


class PlannerError(AgentError):
    """The language model cannot be used for this turn; the text says what to change."""


class DeadlineError(AgentError):
    """The turn did not end in the time it was given."""


class ChatError(AgentError):
    """A command or a correction in the chat that cannot be done; the text says why."""
