"""Slack workspaces: whose people the bot serves, and what one workspace sees of another.

IDs begin with T for a workspace, and with E for the organization that it may belong to.
"""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Sender:
    """Where the person behind a payload belongs, as Slack says; "" is what it doesn't say."""

    team_id: str
    enterprise_id: str = ""


@dataclass
class Workspaces:
    """The workspaces that the bot serves. Anyone not shown to belong to one is refused.

    `own` is the workspace of the token; "" if the app is installed in the whole organization.
    `named` are those of backup-bot.toml. `added` are those that an org-wide app was added to;
    it changes while the bot runs. With `share`, they see each other's requests in lists.
    """

    own: str = ""
    organization: str = ""
    named: frozenset[str] = frozenset()
    share: bool = False
    added: frozenset[str] = frozenset()

    @property
    def is_org_wide(self) -> bool:
        """Whether one token is for the whole organization."""
        return bool(self.organization and not self.own)

    @property
    def served(self) -> frozenset[str]:
        """The workspaces whose people can use the bot."""
        if self.is_org_wide:
            return self.named or self.added
        return frozenset({self.own, *(self.named if self.organization else ())}) - {""}

    def admits(self, sender: Sender) -> bool:
        """Return whether this person can use the bot at all.

        In an org-wide app without `named`, someone of the organization may have no known
        workspace: Slack then names only the organization as where they belong.
        """
        if sender.team_id and sender.team_id == self.own:
            # Someone from outside can act here, too, in a channel that is shared with them.
            return sender.enterprise_id in ("", self.organization)
        if not self.organization or sender.enterprise_id != self.organization:
            return False
        if not sender.team_id:
            return self.is_org_wide and not self.named
        return sender.team_id in self.served

    def lets_act(self, sender: Sender, team_id: str) -> bool:
        """Return whether this person can act on a card of a request made in this workspace."""
        return team_id in self.served and self.admits(sender)

    def seen_from(self, team_id: str) -> Collection[str]:
        """Return the workspaces whose requests are listed for people of this one."""
        return self.served | {team_id} if self.share else {team_id}
