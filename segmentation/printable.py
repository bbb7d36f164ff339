"""Text that came from outside (file names, words read on packs, captions) made fit to be shown.

What it takes away: terminal escape sequences, control and invisible characters (tag characters, variation
selectors, zero-width and direction marks among them), line breaks. What is left is one line of visible text.
"""

import re
import unicodedata

# CSI ("colour"), OSC ("title", "link") and two-byte sequences, as in ECMA-48.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"
    r"|\x1b[@-_]"
)
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn"}


def printable(text: str, limit: int = 200) -> str:
    """One line of visible characters, at most `limit` of them."""
    plain = re.sub(r"[\s\u2028\u2029]+", " ", _ESCAPES.sub("", text))
    visible = "".join(
        char for char in plain if unicodedata.category(char) not in _HIDDEN and not "\ufe00" <= char <= "\ufe0f"
    ).strip()
    return visible if len(visible) <= limit else visible[: limit - 1] + "…"
