"""Where the RDS console shows an instance."""

from pydantic import Field

from bot.domain.frozen import Frozen
from bot.domain.instances import Instance

INSTANCE_ID = "{instance_id}"
# How the console's own links to an instance go on; other engines only have the list.
DETAILS = {"postgresql": "/pg/{instance_id}/summary"}


class Console(Frozen):
    """Links to the console. An `address` without a place for the ID is the list of instances."""

    address: str = ""  # "": no links
    # Addresses by project, where they are others.
    of_projects: dict[str, str] = Field(default_factory=dict)

    def link(self, instance: Instance | None) -> str | None:
        """Return the address that shows an instance; None if there is none."""
        if instance is None:
            return None
        address = self.of_projects.get(instance.project, self.address)
        if not address:
            return None
        if INSTANCE_ID not in address:
            address += DETAILS.get(instance.engine.casefold(), "")
        return address.replace(INSTANCE_ID, instance.id)
