"""The regular summary of a channel."""

from bot.domain.digests import Digest
from bot.slack.messages.mrkdwn import Message, said


def digest_message(digest: Digest, *, command: str) -> Message:
    """Return the digest."""
    return said(f"{digest.fresh} of {len(digest.rows)} fresh")
