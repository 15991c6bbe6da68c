"""Resolve a word to an instance: an ID, a name or an alias, in any script."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from bot.domain import fields
from bot.domain.errors import AmbiguousInstance, ReadReplica, UnknownInstance
from bot.domain.folding import name_key, quoted, search_key
from bot.domain.instances import Instance
from bot.domain.likeness import nearest

SUGGESTED = 3


class References:
    """Finds instances by ID, name or alias; one that RDS lists twice counts once.

    IDs take precedence over names, and names over aliases, so an alias never hides an instance.
    Names with the same `name_key` are ambiguous, because they look alike when typed.
    """

    def __init__(
        self, instances: Sequence[Instance] = (), aliases: Mapping[str, str] | None = None
    ) -> None:
        self._by_id: dict[str, Instance] = {}
        self._by_name: defaultdict[str, list[Instance]] = defaultdict(list)
        self.update(instances)
        self._aliases = {name_key(alias): target for alias, target in (aliases or {}).items()}

    @property
    def instances(self) -> list[Instance]:
        """All instances, in the order in which they came."""
        return list(self._by_id.values())

    def update(self, instances: Iterable[Instance]) -> None:
        """Add these instances, or replace what was known of them."""
        for instance in instances:
            if known := self._by_id.get(instance.id):
                self._by_name[name_key(known.name)].remove(known)
            self._by_id[instance.id] = instance
            self._by_name[name_key(instance.name)].append(instance)

    def find(self, reference: str) -> Instance:
        """Return the one instance that the word means.

        Raises UnknownInstance (with the nearest names), AmbiguousInstance or ReadReplica.
        """
        found = self._meant(reference)
        if not found:
            raise UnknownInstance(reference, self._near(reference))
        if len(found) > 1:
            raise AmbiguousInstance(reference, [instance.id for instance in found])
        (instance,) = found
        if instance.is_replica:
            primary = self._by_id.get(instance.primary_id or "")
            raise ReadReplica(instance.name, primary.name if primary else None)
        return instance

    def has(self, reference: str) -> bool:
        """Return whether `find` would succeed."""
        found = self._meant(reference)
        return len(found) == 1 and not found[0].is_replica

    def named(self, word: str) -> list[Instance]:
        """Return the instances with this ID or, if there are none, this name; ignores aliases."""
        if word in self._by_id:
            return [self._by_id[word]]
        alike = self._by_name.get(name_key(word), [])
        return [instance for instance in alike if instance.name == word] or alike

    def _meant(self, reference: str) -> list[Instance]:
        if reference in self._by_id:
            return [self._by_id[reference]]
        key = name_key(reference)
        if alike := self._by_name.get(key):
            return alike
        target = self._aliases.get(key)
        return self.named(target) if target else []

    def _near(self, reference: str) -> list[str]:
        names = {i.name for i in self._by_id.values() if not i.is_replica}
        names |= {alias for alias in self._aliases if self.has(alias)}
        return nearest(name_key(reference), sorted(names), most=SUGGESTED)


def alias_problems(aliases: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield each alias that can never work, and why."""
    first: dict[str, str] = {}
    for alias, target in aliases.items():
        earlier = first.setdefault(search_key(alias), alias)
        if why := _untypable(alias) or _aimless(alias, target, aliases):
            yield alias, why
        elif earlier != alias:
            yield alias, f"it differs from the alias {earlier} only in case or accents"


def _untypable(alias: str) -> str:
    if any(map(str.isspace, alias)):
        return "it contains a space; use one word"
    if fields.instance_problem(alias) or not quoted(name_key(alias)):
        return "it can't be typed in a command; use another word"
    return ""


def _aimless(alias: str, target: str, aliases: Mapping[str, str]) -> str:
    if not target.strip():
        return "it has no target; give an instance's name or ID"
    if name_key(target) == name_key(alias):
        return "its target is itself; give an instance's name or ID"
    if name_key(target) in map(name_key, aliases):
        return f"its target is another alias, {target}; give an instance's name or ID"
    return ""


def alias_warnings(
    aliases: Mapping[str, str], instances: Sequence[Instance]
) -> Iterator[tuple[str, str]]:
    """Yield each alias that doesn't work as expected with these instances, and why."""
    known = References(instances) if aliases else References()
    for alias, target in aliases.items():
        found = known.named(target)
        if hidden := known.named(alias):
            yield alias, f"instance {hidden[0].id} has that name, so the alias is never used"
        if not found:
            yield alias, f"no instance is named {target}"
        elif len(found) > 1:
            yield alias, f"{len(found)} instances are named {target}; give an ID"
        elif found[0].is_replica:
            yield alias, f"{target} is a read replica, and RDS can't back up read replicas"
