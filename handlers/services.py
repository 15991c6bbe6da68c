"""What every listener knocks on."""

from dataclasses import dataclass

from bot.application.backups import Backups
from bot.application.clicks import Clicks
from bot.application.command_limit import RateLimit
from bot.application.deletions import Deletions
from bot.application.instance_search import Typeahead
from bot.application.inventory import Inventory
from bot.application.policy_queries import Overview
from bot.application.request_queries import Board
from bot.domain.errors import ForeignWorkspace
from bot.slack.transport.homes import Homes


@dataclass(frozen=True)
class Door:
    """The use cases, under the name of the command, for the people of one workspace."""

    backups: Backups
    clicks: Clicks
    deletions: Deletions
    overview: Overview
    inventory: Inventory
    typeahead: Typeahead
    board: Board
    homes: Homes
    rate_limit: RateLimit
    command: str
    team_id: str

    def check_team(self, team_id: str) -> None:
        """Raises ForeignWorkspace for another one's people; an org-wide install names none."""
        if team_id not in ("", self.team_id):
            raise ForeignWorkspace
