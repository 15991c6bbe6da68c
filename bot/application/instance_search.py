"""Which instance a person means while they fill in a form."""

from collections.abc import Mapping, Sequence

from bot.application.ports import Catalogue, Store
from bot.domain.errors import UserError
from bot.domain.folding import search_key
from bot.domain.instances import Instance, matching
from bot.domain.references import References

SUGGESTED, RECENT = 100, 5  # instances in one typeahead (Slack's limit), and of one's own on top


class InstanceSearch:
    """Answers from what RDS listed last: a form cannot wait."""

    def __init__(self, *, store: Store, catalogue: Catalogue, aliases: Mapping[str, str]) -> None:
        self._store = store
        self._catalogue = catalogue
        self._aliases = aliases

    async def known(self, timeout_seconds: float) -> Sequence[Instance]:
        """All instances as they were listed last; none if RDS has not told them in time."""
        return await self._catalogue.known(timeout_seconds)

    def named(self, reference: str, known: Sequence[Instance]) -> Instance | None:
        """The one that an id, a name or an alias means, without a doubt; None if there is none."""
        try:
            return References(known, self._aliases).find(reference)
        except UserError:
            return None

    async def suggest(
        self, text: str, user_id: str, timeout_seconds: float
    ) -> tuple[list[Instance], list[Instance]]:
        """For a typeahead: the person's own recent instances, and the others, by name."""
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
    """What begins with the text goes first."""
    return not search_key(instance.name).startswith(begin), instance.name
