"""Find what is wrong with a policy before anyone uses it."""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from bot.domain.decisions import able_to_approve
from bot.domain.policy import PEOPLE_KEYS, Members, Policy, RuleSource, Terms, is_group
from bot.domain.quantities import counted

WILD = frozenset("*?[")
NOBODY = "no one can approve; add approvers, or set approvals = 0"


@dataclass(frozen=True)
class PolicyProblem:
    """One problem. `rule` is numbered from 1, None for `[approval]`; `key` is the setting."""

    rule: int | None
    key: str
    text: str
    nobody_can_approve: bool = False


def problems(policy: Policy, members: Members) -> list[PolicyProblem]:
    """Return everything that is certainly wrong. `members` may be incomplete or empty."""
    return [*_never_matching(policy), *_terms_problems(policy, members)]


def _never_matching(policy: Policy) -> Iterator[PolicyProblem]:
    for number, rule in enumerate(policy.rules, start=1):
        for before, earlier in enumerate(policy.rules[: number - 1], start=1):
            if set(rule.instances) == set(earlier.instances):
                text = f"has the same instances as rule {before}, and the first match applies"
                yield PolicyProblem(number, "instances", text)
                break
            if all(any(_covers(q, p) for q in earlier.instances) for p in rule.instances):
                text = (
                    f"can never match: rule {before} covers all of it, and the first match applies"
                )
                yield PolicyProblem(number, "instances", text)
                break


def _covers(earlier: str, later: str) -> bool:
    """Return whether the earlier pattern certainly matches everything the later one does."""
    if earlier in (later, "*"):
        return True
    if "/" in earlier and "/" not in later:
        return False  # one project's instances aren't all
    if "/" in later and "/" not in earlier:
        later = later.rpartition("/")[2]  # without a slash, only names count
    if not WILD & set(later):
        return fnmatchcase(later, earlier)
    # If the earlier has no wildcard but `*`, a `*` or `?` of the later is an ordinary character.
    return not WILD & (set(earlier) - {"*"}) and "[" not in later and fnmatchcase(later, earlier)


def _terms_problems(policy: Policy, members: Members) -> Iterator[PolicyProblem]:
    for number, terms in enumerate(policy.all_terms, start=1):
        rule = number if number <= len(policy.rules) else None
        if rule is None and terms.rule.source is RuleSource.BUILT_IN:
            continue  # the built-in policy is valid
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
        approvals = counted(terms.approvals, "approval")
        able_people = counted(len(able), "person", "people")
        yield "approvals", f"requires {approvals}, but only {able_people} can approve"


def _nobodies(terms: Terms, members: Members) -> Iterator[tuple[str, str]]:
    """Return the IDs that certainly stand for no active person."""
    for key in PEOPLE_KEYS:
        for slack_id in getattr(terms, key) or ():
            if members.get(slack_id) == frozenset():
                who = "has no active members" if is_group(slack_id) else "left Slack or is a bot"
                yield key, f"{slack_id} {who}"
    approvers = frozenset(terms.approvers)
    known = [members.get(slack_id) for slack_id in terms.approvers]
    if not approvers or (None in known and any(map(is_group, terms.approvers))):
        return  # anyone, or unknown
    people = approvers.union(*(behind for behind in known if behind))
    for slack_id in terms.notify or ():
        if slack_id not in people:
            yield "notify", f"{slack_id} is notified but can't approve"
