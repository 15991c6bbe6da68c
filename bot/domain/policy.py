"""The policy: which terms apply to an instance, from the first rule that matches it."""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType, NoneType
from typing import Annotated, Any, Self, get_args, get_type_hints

from pydantic import ConfigDict, model_validator

from bot.domain.frozen import Frozen
from bot.domain.patterns import covers

# The ID of a user or user group → its active people: none for a bot or someone who left Slack,
# None (or no entry) if Slack couldn't say.
Members = Mapping[str, frozenset[str] | None]


def is_group(slack_id: str) -> bool:
    """Return whether the ID is a user group's (`S…`); user IDs begin with `U` or `W`."""
    return slack_id.startswith("S")


class RuleSource(StrEnum):
    """Which part of the policy terms come from."""

    BUILT_IN = "built_in"
    APPROVAL = "approval"  # the table [approval]
    RULE = "rule"  # a [[rule]]


class RuleReference(Frozen):
    """The place in the policy that terms come from.

    As text it is "the default policy", "[approval]" or "rule 2 (orders-*)": that is how the
    audit log and the metrics show it, and how older releases stored it.
    """

    source: RuleSource = RuleSource.BUILT_IN
    number: int | None = None  # of a [[rule]], from 1
    instances: tuple[str, ...] = ()  # that the rule names

    def __str__(self) -> str:
        patterns = f" ({', '.join(self.instances)})" if self.instances else ""
        return f"{self.name}{patterns}"

    @property
    def name(self) -> str:
        """The text without the instances that the rule names."""
        match self.source:
            case RuleSource.BUILT_IN:
                return "the default policy"
            case RuleSource.APPROVAL:
                return "[approval]"
            case RuleSource.RULE:
                return f"rule {self.number}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the text of a reference. Raises ValueError."""
        for known in (cls(), cls(source=RuleSource.APPROVAL)):
            if text == str(known):
                return known
        if not (found := _RULE.fullmatch(text)):
            raise ValueError(f"{text!r} refers to no rule")
        instances = tuple(found[2].split(", ")) if found[2] else ()
        return cls(source=RuleSource.RULE, number=int(found[1]), instances=instances)

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        return dict(cls.parse(value)) if isinstance(value, str) else value


_RULE = re.compile(r"rule (\d+)(?: \((.*)\))?", re.DOTALL)

# The types of the policy's keys; `bot/config/file.py` defines how each is written in the file.
People = Annotated[tuple[str, ...], "ids of users and user groups"]
Approvers = Annotated[tuple[str, ...], "ids of users and user groups, or anybody"]
Channels = Annotated[tuple[str, ...], "ids of channels"]
ChannelId = Annotated[str, "id of a channel"]
Count = Annotated[int, "number of people"]
Wait = Annotated[timedelta, "how long people have"]
Interval = Annotated[timedelta, "how long until the next; zero: never"]


class Terms(Frozen):
    """What the policy requires of one request. The fields are the policy's keys.

    People are Slack user IDs and user group IDs.
    """

    requesters: People = ()  # who can request; empty: everyone
    channels: Channels = ()  # where it can be requested; empty: everywhere
    approvals: Count = 1  # by this many different people; 0: starts immediately
    approvers: Approvers = ()  # empty: anyone who can click the card in its channel
    notify: People | None = None  # which approvers are mentioned; None: all
    self_approval: bool = False
    break_glass: People = ()  # who can skip approval, with a reason; empty: no one
    auditors: People = ()  # who can read the audit log; empty: the approvers
    channel: ChannelId | None = None  # where the card goes; None: where it was requested
    expires_after: Wait = timedelta(hours=8)
    remind_after: Interval = timedelta(hours=1)  # until the first reminder; zero: never
    rule: RuleReference = RuleReference()  # where the terms come from

    @property
    def mentioned(self) -> tuple[str, ...]:
        """Who is mentioned on the card."""
        return self.approvers if self.notify is None else self.notify


def _kinds() -> Iterator[tuple[str, Any]]:
    for key, hint in get_type_hints(Terms, include_extras=True).items():
        if key in Terms.model_fields and key != "rule":
            given = [kind for kind in get_args(hint) if kind is not NoneType]
            is_optional = NoneType in get_args(hint)
            yield key, given[0] if is_optional else hint


KINDS: Mapping[str, Any] = MappingProxyType(dict(_kinds()))  # each key of the policy, and its type
PEOPLE_KEYS = tuple(key for key, kind in KINDS.items() if kind in (People, Approvers))


class Rule(Frozen):
    """One `[[rule]]`: `instances`, and the keys of `Terms`; None inherits the default."""

    model_config = ConfigDict(extra="allow")

    instances: tuple[str, ...]  # names, IDs, or globs that match names or `project/name`

    @model_validator(mode="after")
    def _only_keys(self) -> Self:
        if unknown := set(self.model_extra or {}) - set(KINDS):
            raise ValueError(f"no keys of the policy: {', '.join(sorted(unknown))}")
        return self

    @cached_property
    def own(self) -> Mapping[str, Any]:
        """The keys that the rule sets."""
        given = {
            key: value for key, value in (self.model_extra or {}).items() if value is not None
        }
        terms = Terms.model_validate(given)
        return {key: getattr(terms, key) for key in given}

    def covers(self, instance_name: str, instance_id: str, project: str = "") -> bool:
        """Return whether the rule matches this instance; case-sensitive, as in RDS.

        Composed and decomposed accents are equal.
        """
        return covers(self.instances, instance_name, instance_id, project)


class Policy(Frozen):
    """The defaults, and the rules that override them."""

    defaults: Terms = Terms()
    rules: tuple[Rule, ...] = ()
    default_project: str = ""  # its name, for instances in rows of older releases

    def terms_for(self, instance_name: str, instance_id: str, project: str = "") -> Terms:
        """Return the terms for an instance, from the first rule that matches it.

        Without a project, it is in the default one.
        """
        project = project or self.default_project
        for number, rule in enumerate(self.rules, start=1):
            if rule.covers(instance_name, instance_id, project):
                return self.terms_of(number)
        return self.defaults

    def terms_anywhere(self, reference: str) -> list[Terms]:
        """Return all terms that may apply to an instance that isn't listed, in any project."""
        project, slash, name = reference.rpartition("/")
        if slash:
            return [self.terms_for(name, reference, project)]
        found: list[Terms] = []
        for number, rule in enumerate(self.rules, start=1):
            names = [glob.rpartition("/")[2] for glob in rule.instances]
            if covers(names, reference, reference):
                found.append(self.terms_of(number))
            if rule.covers(reference, reference):
                return found
        return [*found, self.defaults]

    def terms_of(self, number: int) -> Terms:
        """Return the terms of a rule, numbered from 1, with the defaults for the rest."""
        rule = self.rules[number - 1]
        own = dict(rule.own)
        if "approvers" in own:
            own.setdefault("notify", None)  # a rule with its own approvers mentions those
        own["rule"] = RuleReference(
            source=RuleSource.RULE, number=number, instances=rule.instances
        )
        return self.defaults.model_copy(update=own)

    @property
    def all_terms(self) -> tuple[Terms, ...]:
        """Return the terms of each rule in order, then the defaults."""
        numbers = range(1, len(self.rules) + 1)
        return (*map(self.terms_of, numbers), self.defaults)

    @property
    def people(self) -> tuple[str, ...]:
        """All users and user groups in the policy, once each."""
        named = (
            slack_id
            for terms in self.all_terms
            for key in PEOPLE_KEYS
            for slack_id in getattr(terms, key) or ()
        )
        return tuple(dict.fromkeys(named))
