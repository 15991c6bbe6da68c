"""The policy: which terms apply to an instance, from the first rule that matches it."""

import re
from collections.abc import Mapping
from datetime import timedelta
from fnmatch import translate
from functools import cached_property
from unicodedata import normalize

from pydantic import BaseModel, ConfigDict

# The ID of a user or user group → its active people: none for a bot or someone who left Slack,
# None (or no entry) if Slack couldn't say.
Members = Mapping[str, frozenset[str] | None]


def is_group(slack_id: str) -> bool:
    """Return whether the ID is a user group's (`S…`); user IDs begin with `U` or `W`."""
    return slack_id.startswith("S")


class Terms(BaseModel):
    """What the policy requires for one request.

    People are given as Slack user IDs and user group IDs. `rule` says where the terms come
    from: "the default policy", "[approval]" or "rule 2 (orders-*)".
    """

    model_config = ConfigDict(frozen=True)

    requesters: tuple[str, ...] = ()  # who can request; empty: everyone
    channels: tuple[str, ...] = ()  # where they can request; empty: everywhere
    approvals: int = 1  # from this many people; 0: none needed
    approvers: tuple[str, ...] = ()  # empty: anyone who can see the card
    notify: tuple[str, ...] | None = None  # the approvers who are mentioned; None: all
    self_approval: bool = False
    break_glass: tuple[str, ...] = ()  # who can start without approval; empty: no one
    auditors: tuple[str, ...] = ()  # who can read the audit log; empty: the approvers
    channel: str | None = None  # where the card goes; None: where it was requested
    expires_after: timedelta = timedelta(hours=8)
    remind_after: timedelta = timedelta(hours=1)  # the first reminder; zero: none
    rule: str = "the default policy"

    @property
    def mentioned(self) -> tuple[str, ...]:
        """Who is mentioned on the card."""
        return self.approvers if self.notify is None else self.notify


class Rule(BaseModel):
    """One `[[rule]]` of the config; None values are inherited from the defaults."""

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
        """Return whether the rule matches this instance; case-sensitive, as in RDS.

        Composed and decomposed accents are equal.
        """
        if instance_id in self.instances or instance_name in self.instances:
            return True
        return self._globs.match(normalize("NFC", instance_name)) is not None

    @cached_property
    def _globs(self) -> re.Pattern[str]:
        """Return the patterns, compiled once, because lists check every rule many times."""
        return re.compile("|".join(translate(normalize("NFC", glob)) for glob in self.instances))


class Policy(BaseModel):
    """The defaults, and the rules that override them."""

    model_config = ConfigDict(frozen=True)

    defaults: Terms = Terms()
    rules: tuple[Rule, ...] = ()

    def terms_for(self, instance_name: str, instance_id: str) -> Terms:
        """Return the terms for an instance, from the first rule that matches it."""
        for number, rule in enumerate(self.rules, start=1):
            if rule.covers(instance_name, instance_id):
                return self.terms_of(number)
        return self.defaults

    def terms_of(self, number: int) -> Terms:
        """Return the terms of a rule, numbered from 1, with the defaults for the rest."""
        rule = self.rules[number - 1]
        own = rule.model_dump(exclude={"instances"}, exclude_none=True)
        if rule.approvers is not None and rule.notify is None:
            own["notify"] = None  # the defaults' notify is for other approvers
        name = f"rule {number} ({', '.join(rule.instances)})"
        return self.defaults.model_copy(update={**own, "rule": name})

    @property
    def all_terms(self) -> tuple[Terms, ...]:
        """The terms of each rule in order, then the defaults."""
        numbers = range(1, len(self.rules) + 1)
        return (*map(self.terms_of, numbers), self.defaults)

    @property
    def people(self) -> tuple[str, ...]:
        """All users and user groups in the policy, once each."""
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
