"""Find instances while a person fills in a form."""

from collections.abc import Mapping, Sequence

from bot.application.ports import Catalogue, Store
from bot.domain.errors import UserError
from bot.domain.folding import search_key
from bot.domain.instances import Instance, matching
from bot.domain.references import References

SUGGESTED, RECENT = 100, 5  # options (Slack's limit), and the person's own on top


class InstanceSearch:
    """Searches RDS's last list, because a form can't wait."""

    def __init__(self, *, store: Store, catalogue: Catalogue, aliases: Mapping[str, str]) -> None:
        self._store = store
        self._catalogue = catalogue
        self._aliases = aliases

    async def known(self, timeout_seconds: float) -> Sequence[Instance]:
        """Return all instances as last listed; none if RDS doesn't answer in time."""
        return await self._catalogue.known(timeout_seconds)

    def named(self, reference: str, known: Sequence[Instance]) -> Instance | None:
        """Return the one instance with this ID, name, or alias, or None."""
        try:
            return References(known, self._aliases).find(reference)
        except UserError:
            return None

    async def suggest(
        self, text: str, user_id: str, timeout_seconds: float
    ) -> tuple[list[Instance], list[Instance]]:
        """Return options for a typeahead: the person's recent instances first, then by name."""
        known = await self._catalogue.known(timeout_seconds)
        found = {instance.id: instance for instance in matching(known, text, self._aliases)}
        asked = await self._store.requests(requester=user_id, limit=10 * RECENT)
        used = dict.fromkeys(r.instance.id for r in asked if r.instance)
        newest = [instance_id for instance_id in used if instance_id in found][:RECENT]
        recent = [found.pop(instance_id) for instance_id in newest]
        begin = search_key(text)
        others = sorted(found.values(), key=lambda instance: _nearness(instance, begin))
        return recent, others[: SUGGESTED - len(recent)]


def _nearness(instance: Instance, begin: str) -> tuple[bool, str]:
    """Sort names that begin with the text first."""
    return not search_key(instance.name).startswith(begin), instance.name
