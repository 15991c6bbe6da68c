"""What messages are about, as the dispatcher sees it."""

from typing import Protocol

from bot.domain.frozen import Frozen


class Topic(Protocol):
    """A request, an incident, a digest, or a day's successes."""

    @property
    def id(self) -> str: ...
    @property
    def card_channel_id(self) -> str: ...
    @property
    def requester(self) -> str:
        """Who hears what the channel can't; "" if no one is known."""
        ...

    @property
    def is_moving(self) -> bool:
        """Whether its card changes as time goes by."""
        ...

    @property
    def awaits_people(self) -> bool:
        """Whether its card is posted again if someone deletes it."""
        ...


class ChannelTopic(Frozen):
    """What a channel is told without a request."""

    id: str
    channel_id: str
    owner: str = ""  # who hears it if the channel can't

    @property
    def card_channel_id(self) -> str:
        return self.channel_id

    @property
    def requester(self) -> str:
        return self.owner

    @property
    def is_moving(self) -> bool:
        """Whether its message changes as time goes by."""
        return False

    @property
    def awaits_people(self) -> bool:
        """Whether its message is posted again if someone deletes it."""
        return False
