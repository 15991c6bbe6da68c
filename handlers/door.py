"""What every listener knocks on."""

from dataclasses import dataclass

from bot.backups import Backups
from bot.board import Board
from bot.clicks import Clicks
from bot.deletions import Deletions
from bot.domain.errors import ForeignWorkspace
from bot.inventory import Inventory
from bot.overview import Overview
from bot.rate_limit import RateLimit
from bot.slack.homes import Homes
from bot.typeahead import Typeahead


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
