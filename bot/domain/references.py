"""Resolve a word to an instance: an ID, a name, `project/name` or an alias, in any script."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from bot.domain import fields
from bot.domain.errors import AmbiguousInstance, ReadReplica, UnknownInstance
from bot.domain.folding import name_key, quoted, search_key
from bot.domain.instances import Instance
from bot.domain.likeness import nearest

SUGGESTED = 3


class References:
    """Finds instances by ID, name, `project/name` or alias; one that RDS lists twice counts once.

    IDs take precedence over names, and names over aliases, so an alias never hides an instance.
    Names with the same `name_key` are ambiguous, because they look alike when typed. While one
    of the `projects` was never listed, no name is known to be unique.
    """

    def __init__(
        self,
        instances: Sequence[Instance] = (),
        aliases: Mapping[str, str] | None = None,
        projects: Iterable[str] = (),
    ) -> None:
        self._by_id: dict[str, Instance] = {}
        self._by_name: defaultdict[str, list[str]] = defaultdict(list)  # IDs
        self._unlisted = set(projects)
        self.update(instances)
        self._aliases = {name_key(alias): target for alias, target in (aliases or {}).items()}

    @property
    def instances(self) -> list[Instance]:
        """All instances, in the order in which they came."""
        return list(self._by_id.values())

    @property
    def is_complete(self) -> bool:
        """Whether each project was listed at least once."""
        return not self._unlisted

    def of_project(self, project: str) -> list[Instance]:
        """Return the instances of a project, in the order in which they came."""
        return [instance for instance in self._by_id.values() if instance.project == project]

    def get(self, instance_id: str) -> Instance | None:
        """Return the instance with this ID, or None if it isn't listed."""
        return self._by_id.get(instance_id)

    def replace(self, project: str, instances: Sequence[Instance]) -> None:
        """Forget what was known of a project; these are all of its instances."""
        for known in self.of_project(project):
            self._remove(known)
            self._mark(name_key(known.name))
        self._listed(project)
        self.update(instances)

    def update(self, instances: Iterable[Instance]) -> None:
        """Add these instances, or replace what was known of them."""
        for instance in instances:
            key, known = name_key(instance.name), self._by_id.get(instance.id)
            self._by_id[instance.id] = instance
            if known and (former := name_key(known.name)) != key:
                self._by_name[former].remove(instance.id)
                self._mark(former)
            if instance.id not in (ids := self._by_name[key]):
                ids.append(instance.id)
            self._mark(key)

    def saw_page(self, project: str, instances: Iterable[Instance]) -> None:
        """Learn from a page of a project's list."""
        self._listed(project)
        self.update(instances)

    def find(self, reference: str) -> Instance:
        """Return the one instance that the word means.

        Raises UnknownInstance (with the nearest names), AmbiguousInstance or ReadReplica.
        """
        found = self._meant(reference)
        if not found:
            raise UnknownInstance(reference, self._near(reference))
        if len(found) > 1:
            raise AmbiguousInstance(reference, self._told_apart(found))
        (instance,) = found
        if instance.is_replica:
            primary = self._by_id.get(instance.primary_id or "")
            raise ReadReplica(instance.label, primary.label if primary else None)
        return instance

    def has(self, reference: str) -> bool:
        """Return whether `find` would succeed."""
        found = self._meant(reference)
        return len(found) == 1 and not found[0].is_replica

    def named(self, word: str) -> list[Instance]:
        """Return the instances that this ID, name, or `project/name` means; ignores aliases."""
        if word in self._by_id:
            return [self._by_id[word]]
        alike = self._alike(word)
        exact = [one for one in alike if word in (one.name, one.full_name)]
        return exact or alike

    def _alike(self, word: str) -> list[Instance]:
        if ids := self._by_name.get(name_key(word)):
            return [self._by_id[instance_id] for instance_id in ids]
        project, slash, name = word.partition("/")
        ids = self._by_name.get(name_key(name), []) if slash else []
        named = (self._by_id[instance_id] for instance_id in ids)
        return [instance for instance in named if instance.project == project.strip()]

    def _meant(self, reference: str) -> list[Instance]:
        if reference in self._by_id:
            return [self._by_id[reference]]
        if alike := self._alike(reference):
            return alike
        target = self._aliases.get(name_key(reference))
        return self.named(target) if target else []

    def _told_apart(self, found: Sequence[Instance]) -> list[str]:
        """Return what each can be called so that it alone is meant: `project/name`, or its ID."""
        times = Counter(name_key(instance.full_name) for instance in found)
        return [
            i.full_name if i.is_namesake and times[name_key(i.full_name)] == 1 else i.id
            for i in found
        ]

    def _near(self, reference: str) -> list[str]:
        listed = [i for i in self._by_id.values() if not i.is_replica]
        names = {i.full_name if "/" in reference else i.label for i in listed}
        names |= {alias for alias in self._aliases if self.has(alias)}
        return nearest(name_key(reference), sorted(names), most=SUGGESTED)

    def _remove(self, known: Instance) -> None:
        del self._by_id[known.id]
        self._by_name[name_key(known.name)].remove(known.id)

    def _listed(self, project: str) -> None:
        if self._unlisted:
            self._unlisted.discard(project)
            if not self._unlisted:
                for key in list(self._by_name):
                    self._mark(key)

    def _mark(self, key: str) -> None:
        """Note at each instance of this name whether another project has one, too."""
        ids = self._by_name[key]
        if not ids:
            del self._by_name[key]
            return
        projects = {self._by_id[instance_id].project for instance_id in ids}
        is_namesake = bool(self._unlisted) or len(projects) > 1
        for instance_id in ids:
            known = self._by_id[instance_id]
            if known.is_namesake is not is_namesake:
                changed = known.model_copy(update={"is_namesake": is_namesake})
                self._by_id[instance_id] = changed


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
            better = "its project, too" if found[0].is_namesake else "an ID"
            yield alias, f"{len(found)} instances are named {target}; give {better}"
        elif found[0].is_replica:
            yield alias, f"{target} is a read replica, and RDS can't back up read replicas"
