"""What is wrong with a policy before anybody asks."""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from bot.domain.decisions import able_to_approve
from bot.domain.policy import Members, Policy, Terms, is_group
from bot.domain.quantities import counted

WILD = frozenset("*?[")
NOBODY = "nobody can approve: name somebody who can, or set approvals = 0"


@dataclass(frozen=True)
class PolicyProblem:
    """`rule` counts from 1; None is `[approval]`. `key` is the setting to look at."""

    rule: int | None
    key: str
    text: str
    nobody_can_approve: bool = False


def problems(policy: Policy, members: Members) -> list[PolicyProblem]:
    """All that is certainly wrong. `members` may tell less than everything, even nothing."""
    return [*_never_matching(policy), *_terms_problems(policy, members)]


def _never_matching(policy: Policy) -> Iterator[PolicyProblem]:
    for number, rule in enumerate(policy.rules, start=1):
        for before, earlier in enumerate(policy.rules[: number - 1], start=1):
            if set(rule.instances) == set(earlier.instances):
                text = f"names the same instances as rule {before}: the first match decides"
                yield PolicyProblem(number, "instances", text)
                break
            if all(any(_covers(q, p) for q in earlier.instances) for p in rule.instances):
                text = f"can never match: rule {before} covers all of it, and the first decides"
                yield PolicyProblem(number, "instances", text)
                break


def _covers(earlier: str, later: str) -> bool:
    """Whether the earlier pattern matches all that the later does; no where that is not sure."""
    if earlier in (later, "*"):
        return True
    if not WILD & set(later):
        return fnmatchcase(later, earlier)
    # With no wildcard in the earlier but `*`, a `*` or `?` of the later is one more character.
    return not WILD & (set(earlier) - {"*"}) and "[" not in later and fnmatchcase(later, earlier)


def _terms_problems(policy: Policy, members: Members) -> Iterator[PolicyProblem]:
    for number, terms in enumerate(policy.all_terms, start=1):
        rule = number if number <= len(policy.rules) else None
        if rule is None and terms.rule != "[approval]":
            continue  # the built-in policy is in order
        for key, text in (*_too_few(terms, members), *_nobodies(terms, members)):
            yield PolicyProblem(rule, key, text, nobody_can_approve=text is NOBODY)


def _too_few(terms: Terms, members: Members) -> Iterator[tuple[str, str]]:
    if not terms.approvers or not terms.approvals:
        return
    alone = terms.requesters[0] if len(terms.requesters) == 1 else None
    if alone and is_group(alone):
        alone = None
    if any(map(is_group, terms.approvers)):
        able = able_to_approve(terms, alone, members)
    else:
        left = {user for user in terms.approvers if members.get(user) == frozenset()}
        able = frozenset(terms.approvers) - left
        able -= {alone} if alone and not terms.self_approval else set()
    if able is None or len(able) >= terms.approvals:
        return
    if not able:
        yield "approvers", NOBODY
    else:
        count = counted(len(able), "person", "people")
        yield "approvals", f"wants {terms.approvals}, but only {count} can approve"


def _nobodies(terms: Terms, members: Members) -> Iterator[tuple[str, str]]:
    """Ids behind which nobody is, for certain."""
    for key in ("requesters", "approvers", "notify", "break_glass", "auditors"):
        for slack_id in getattr(terms, key) or ():
            if members.get(slack_id) == frozenset():
                who = "has no living member" if is_group(slack_id) else "left Slack, or is a bot"
                yield key, f"{slack_id} {who}"
    approvers = frozenset(terms.approvers)
    known = [members.get(slack_id) for slack_id in terms.approvers]
    if not approvers or (None in known and any(map(is_group, terms.approvers))):
        return  # anybody, or not to be told
    people = approvers.union(*(behind for behind in known if behind))
    for slack_id in terms.notify or ():
        if slack_id not in people:
            yield "notify", f"{slack_id} is called, but may not approve"
