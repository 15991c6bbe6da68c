"""The port through which the outbox posts to Slack."""

from collections.abc import Sequence
from typing import Protocol

from bot.domain.requests import BackupRequest
from bot.domain.thread_lines import ThreadLine


class Thread(Protocol):
    """A request's card and the thread under it. Each line is said once, however often asked."""

    async def show(self, request: BackupRequest) -> None:
        """Post the card, or edit it, so that it shows the request as it stands.

        Raises CannotPost if the card has no place to stand.
        """
        ...

    async def say(
        self,
        request: BackupRequest,
        line: ThreadLine,
        *,
        subject: str = "",
        call: Sequence[str] = (),
    ) -> None:
        """Reply under the card, calling those who can do something about it."""
        ...

    async def point(self, request: BackupRequest) -> None:
        """Link to the card where it was asked, if that was in a thread."""
        ...

    async def put_off(self, request: BackupRequest, line: ThreadLine) -> None:
        """Tell the requester alone why its card comes later: RDS_AWAY or KEYS_REFUSED."""
        ...

    async def insist(self, request: BackupRequest, line: ThreadLine) -> None:
        """Reply under the card; if that cannot be, tell the requester alone. Raises CannotPost."""
        ...

    async def announce(self, request: BackupRequest) -> None:
        """Tell how it ended: on the card and in the thread, or to the requester alone."""
        ...
