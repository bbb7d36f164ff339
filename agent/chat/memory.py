"""What a chat remembers between runs: one SQLite file, readable by its owner only. No pixels, no key."""

import sqlite3
from pathlib import Path
from types import TracebackType

from langgraph.checkpoint.sqlite import SqliteSaver
from pydantic import ValidationError

from agent.chat.corrections import Corrected
from agent.errors import ChatError
from tools.records import Frozen


class SavedChat(Frozen):
    """The photos of a chat, which of them are current, and its last counts with their corrections."""

    paths: tuple[str, ...] = ()
    current: tuple[str, ...] = ()
    counts: tuple[Corrected, ...] = ()


class Memory:
    """Chats by name. `saver` keeps the messages of the planner; this class keeps the rest."""

    def __init__(self, path: Path) -> None:
        """Open or create the file.

        Raises:
            ChatError: it cannot be used.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            self._db = sqlite3.connect(path, check_same_thread=False, timeout=5)
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS chats (thread TEXT PRIMARY KEY, state TEXT NOT NULL,"
                " used TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')))"
            )
            self._db.commit()
            self.saver = SqliteSaver(self._db)
            self.saver.setup()
        except (OSError, sqlite3.Error) as error:
            raise ChatError(f"{path}: the chats cannot be kept there ({error}); set SHELF_HOME") from error

    def save(self, thread: str, chat: SavedChat) -> None:
        """Keep the state of a chat."""
        with self._db:
            self._db.execute(
                "INSERT INTO chats (thread, state) VALUES (?, ?) ON CONFLICT (thread) DO UPDATE"
                " SET state = excluded.state, used = strftime('%Y-%m-%d %H:%M:%f', 'now')",
                (thread, chat.model_dump_json()),
            )

    def load(self, thread: str) -> SavedChat:
        """The state of a chat; an empty one when there is none of that name.

        Raises:
            ChatError: it was kept by another version.
        """
        row = self._db.execute("SELECT state FROM chats WHERE thread = ?", (thread,)).fetchone()
        try:
            return SavedChat.model_validate_json(row[0]) if row else SavedChat()
        except ValidationError as error:
            raise ChatError("this chat was kept by another version and cannot be resumed") from error

    def latest(self) -> str | None:
        """The chat used last."""
        row = self._db.execute("SELECT thread FROM chats ORDER BY used DESC, rowid DESC LIMIT 1").fetchone()
        return str(row[0]) if row else None

    def __enter__(self) -> "Memory":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()
