"""What can go wrong when a tool is called.

    ShelfError (segmentation.errors)
    ├── UserError             the person must change something
    └── ToolError             the calling model can mend its call; the text says how
        ├── UnknownTool       no tool of that name
        ├── BadArguments      the arguments do not fit the tool's schema
        ├── UnknownImage      no image of that id or path is known to the store
        └── Cancelled         the caller gave up waiting, so the work was stopped

A surface (command line, LangChain, MCP, HTTP) maps these three kinds and lets nothing else through:
user error -> one line, tool error -> a result marked as error, bug -> an id for the log and no detail.
"""

from segmentation.errors import ShelfError


class ToolError(ShelfError):
    """The caller can mend its call; the text says how."""


class UnknownTool(ToolError):
    """No tool of that name is registered."""


class BadArguments(ToolError):
    """The arguments do not fit the tool's schema."""


class UnknownImage(ToolError):
    """No image of that id or path is known to the store."""


class Cancelled(ToolError):
    """The caller gave up waiting, so the work was stopped."""
