"""Who and what there is in the workspace: people, channels, groups."""

from collections.abc import Iterable
from dataclasses import replace

from bot.demo.slack.records import Channel, Identity, Refused, User, UserGroup


class Directory:
    """Add to it through its methods; change what is there as you like."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.usergroups: dict[str, UserGroup] = {}
        self.added_to: set[str] = set()  # the teams that an org-wide app was added to
        self.add_user(identity.bot_user_id, "backup-bot", is_bot=True)

    @property
    def names(self) -> dict[str, str]:
        """What readers see for the ids of users, channels and groups."""
        users = {user.id: user.name for user in self.users.values()}
        channels = {channel.id: channel.name for channel in self.channels.values()}
        groups = {group.id: group.handle for group in self.usergroups.values()}
        return users | channels | groups

    def organize(
        self, enterprise_id: str, *, is_org_wide: bool = False, added_to: Iterable[str] = ()
    ) -> None:
        """Let the team and all who are in it belong to an organization.

        With `is_org_wide` the app is installed there, and was added to these teams.
        """
        self.identity = replace(
            self.identity, enterprise_id=enterprise_id, is_org_wide=is_org_wide
        )
        self.added_to = set(added_to)
        for user in self.users.values():
            user.enterprise_id = enterprise_id

    def add_user(
        self,
        id: str,  # noqa: A002, Slack's word
        name: str,
        *,
        is_bot: bool = False,
        deleted: bool = False,
        team_id: str | None = None,
        enterprise_id: str | None = None,
    ) -> User:
        """Add a person or a bot; with another `team_id`, someone from outside.

        Unless `enterprise_id` is this team's organization.
        """
        own = self.identity
        user = User(id, name, team_id or own.team_id, is_bot=is_bot, deleted=deleted)
        user.enterprise_id = enterprise_id or (None if team_id else own.enterprise_id)
        self.users[id] = user
        return user

    def add_channel(
        self,
        id: str,  # noqa: A002, Slack's word
        name: str,
        members: Iterable[str],
        *,
        private: bool = False,
        archived: bool = False,
    ) -> Channel:
        """Add a channel; the bot is a member only if `members` name it."""
        channel = Channel(id, name, set(members), is_private=private, is_archived=archived)
        self.channels[id] = channel
        return channel

    def add_direct_message(
        self,
        id: str,  # noqa: A002, Slack's word
        members: Iterable[str],
    ) -> Channel:
        """Add the direct message of two people, in which the bot is not."""
        people = sorted(members)
        name = ", ".join(self.users[user_id].name for user_id in people)
        channel = Channel(id, name, set(people), is_private=True, is_im=True)
        self.channels[id] = channel
        return channel

    def add_usergroup(
        self,
        id: str,  # noqa: A002, Slack's word
        handle: str,
        users: Iterable[str],
        team_id: str | None = None,
    ) -> UserGroup:
        """Add a group that is mentioned as @handle."""
        group = UserGroup(id, handle, list(users), team_id or self.identity.team_id)
        self.usergroups[id] = group
        return group

    def direct_message(self, user_id: str) -> Channel:
        """The channel between the bot and a person. Raises Refused (channel_not_found)."""
        user = self.users.get(user_id)
        if user is None or user.deleted or user.is_bot:
            raise Refused("channel_not_found")
        members = {user_id, self.identity.bot_user_id}
        return self.channels.setdefault(
            f"D{user_id[1:]}",
            Channel(f"D{user_id[1:]}", user.name, members, is_private=True, is_im=True),
        )
