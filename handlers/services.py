"""The use cases that the listeners call."""

from collections.abc import Collection
from dataclasses import dataclass

from bot.application.backups import Backups
from bot.application.clicks import Clicks
from bot.application.command_limit import RateLimit
from bot.application.deletions import Deletions
from bot.application.incident_clicks import IncidentClicks
from bot.application.instance_search import InstanceSearch
from bot.application.inventory import Inventory
from bot.application.origin import Origin
from bot.application.policy_queries import PolicyQueries
from bot.application.request_queries import RequestQueries
from bot.application.watches import Watches
from bot.domain.errors import ForeignWorkspace, WorkspaceUnknown
from bot.domain.workspaces import Sender, Workspaces
from bot.runtime.installation import Installation
from bot.slack.transport.homes import Homes


@dataclass(frozen=True)
class Services:
    """The use cases, the slash command's name, and the workspaces that they serve."""

    backups: Backups
    clicks: Clicks
    deletions: Deletions
    policy_queries: PolicyQueries
    inventory: Inventory
    instance_search: InstanceSearch
    request_queries: RequestQueries
    watches: Watches
    incident_clicks: IncidentClicks
    homes: Homes
    installation: Installation
    rate_limit: RateLimit
    command: str
    workspaces: Workspaces

    def seen_by(self, origin: Origin) -> Collection[str]:
        """Return the workspaces whose requests this person sees in lists."""
        return self.workspaces.seen_from(origin.team_id)

    def check_sender(self, sender: Sender) -> None:
        """Raises ForeignWorkspace for strangers, and WorkspaceUnknown."""
        if not self.workspaces.admits(sender):
            raise ForeignWorkspace
        if not sender.team_id:
            raise WorkspaceUnknown
