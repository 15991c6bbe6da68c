"""What the policy wants for an instance: its terms, from the first rule that covers it."""

import re
from collections.abc import Mapping
from datetime import timedelta
from fnmatch import translate
from functools import cached_property
from unicodedata import normalize

from pydantic import BaseModel, ConfigDict

# The id of a user or a user group → the living people behind it: nobody, for a bot or somebody
# who left; None (or no entry) where Slack could not say.
Members = Mapping[str, frozenset[str] | None]


def is_group(slack_id: str) -> bool:
    """True for a user-group id (`S…`); user ids begin with `U` or `W`."""
    return slack_id.startswith("S")


class Terms(BaseModel):
    """What the policy wants for one request.

    People are named by Slack user ids and user-group ids. `rule` says where the terms come
    from, in words a person can look up: "the default policy", "[approval]" or
    "rule 2 (orders-*)".
    """

    model_config = ConfigDict(frozen=True)

    requesters: tuple[str, ...] = ()  # who may ask; empty: everybody
    channels: tuple[str, ...] = ()  # where one may ask; empty: everywhere
    approvals: int = 1  # of so many different people; 0 runs at once
    approvers: tuple[str, ...] = ()  # empty: anybody who can click the card in its channel
    notify: tuple[str, ...] | None = None  # of the approvers, who is mentioned; None: all
    self_approval: bool = False
    break_glass: tuple[str, ...] = ()  # who may start at once, with a reason; empty: nobody
    auditors: tuple[str, ...] = ()  # who may read the trail; empty: the approvers
    channel: str | None = None  # where the card goes; None: where it was asked
    expires_after: timedelta = timedelta(hours=8)
    remind_after: timedelta = timedelta(hours=1)  # the first time; zero: never
    rule: str = "the default policy"

    @property
    def mentioned(self) -> tuple[str, ...]:
        """Who is called to decide."""
        return self.approvers if self.notify is None else self.notify


class Rule(BaseModel):
    """One `[[rule]]` of the config; what is None is inherited from the defaults."""

    model_config = ConfigDict(frozen=True)

    instances: tuple[str, ...]  # names, ids or globs over names
    requesters: tuple[str, ...] | None = None
    channels: tuple[str, ...] | None = None
    approvals: int | None = None
    approvers: tuple[str, ...] | None = None
    notify: tuple[str, ...] | None = None
    self_approval: bool | None = None
    break_glass: tuple[str, ...] | None = None
    auditors: tuple[str, ...] | None = None
    channel: str | None = None
    expires_after: timedelta | None = None
    remind_after: timedelta | None = None

    def covers(self, instance_name: str, instance_id: str) -> bool:
        """Whether the rule is about this instance; upper and lower case differ, as in RDS.

        Accented letters are the same however editors and RDS compose them.
        """
        if instance_id in self.instances or instance_name in self.instances:
            return True
        return self._globs.match(normalize("NFC", instance_name)) is not None

    @cached_property
    def _globs(self) -> re.Pattern[str]:
        """Compiled once: a list of requests is held against every rule."""
        return re.compile("|".join(translate(normalize("NFC", glob)) for glob in self.instances))


class Policy(BaseModel):
    """The defaults, and the rules that override them."""

    model_config = ConfigDict(frozen=True)

    defaults: Terms = Terms()
    rules: tuple[Rule, ...] = ()

    def terms_for(self, instance_name: str, instance_id: str) -> Terms:
        """The terms for an instance: the first rule that covers it decides."""
        for number, rule in enumerate(self.rules, start=1):
            if rule.covers(instance_name, instance_id):
                return self.terms_of(number)
        return self.defaults

    def terms_of(self, number: int) -> Terms:
        """The terms of a rule, counted from 1: its own, and the defaults for the rest."""
        rule = self.rules[number - 1]
        own = rule.model_dump(exclude={"instances"}, exclude_none=True)
        if rule.approvers is not None and rule.notify is None:
            own["notify"] = None  # other approvers: the defaults' call is not for them
        name = f"rule {number} ({', '.join(rule.instances)})"
        return self.defaults.model_copy(update={**own, "rule": name})

    @property
    def all_terms(self) -> tuple[Terms, ...]:
        """The terms of each rule in order, and the defaults' last."""
        numbers = range(1, len(self.rules) + 1)
        return (*map(self.terms_of, numbers), self.defaults)

    @property
    def people(self) -> tuple[str, ...]:
        """All users and user groups that it names, once each."""
        named = (
            slack_id
            for terms in self.all_terms
            for ids in (
                terms.requesters,
                terms.approvers,
                terms.notify or (),
                terms.break_glass,
                terms.auditors,
            )
            for slack_id in ids
        )
        return tuple(dict.fromkeys(named))
