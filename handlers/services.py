"""The use cases that the listeners call."""

from dataclasses import dataclass

from bot.application.backups import Backups
from bot.application.clicks import Clicks
from bot.application.command_limit import RateLimit
from bot.application.deletions import Deletions
from bot.application.incident_clicks import IncidentClicks
from bot.application.instance_search import InstanceSearch
from bot.application.inventory import Inventory
from bot.application.policy_queries import PolicyQueries
from bot.application.request_queries import RequestQueries
from bot.application.watches import Watches
from bot.domain.errors import ForeignWorkspace
from bot.runtime.installation import Installation
from bot.slack.transport.homes import Homes


@dataclass(frozen=True)
class Services:
    """The use cases, the slash command's name, and the workspace that they serve."""

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
    team_id: str

    def check_team(self, team_id: str) -> None:
        """Raises ForeignWorkspace for another workspace; an org-wide install may name none."""
        if team_id not in ("", self.team_id):
            raise ForeignWorkspace
