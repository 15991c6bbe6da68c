"""Whether the app is still installed in the workspace."""

import structlog

log = structlog.get_logger(__name__)


class Installation:
    """Remembers that Slack told the bot of its end; only a restart with a new token ends that.

    What RDS is doing for the team is still followed and recorded.
    """

    def __init__(self) -> None:
        self.trouble: str | None = None

    def ended(self, why: str) -> None:
        """Note why Slack accepts nothing from the bot from now on."""
        self.trouble = f"{why}; install it again, set the new token, and restart the bot"
        log.error("installation_ended", why=why)
