"""Whether what happened keeps the promises: a small model that shares no code with the bot's."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TypeVar

from bot.domain.audit import AuditAction
from bot.domain.decisions import Verdict
from bot.domain.instances import BackupStatus
from bot.domain.requests import Choice
from bot.domain.states import RequestState
from bot.domain.thread_lines import ThreadLine
from tests.history.events import (
    Accepted,
    Answered,
    Ended,
    History,
    Killed,
    Left,
    Looked,
    Posted,
    Pressed,
    Rules,
    Sent,
)

E = TypeVar("E")
NOT_APPROVED = {RequestState.REJECTED, RequestState.EXPIRED, RequestState.WITHDRAWN}
WITHDRAWN_AFTER_ALL = [  # approved, and then withdrawn while RDS was busy
    [Choice.APPROVE, Choice.WITHDRAW],
    [Choice.BREAK_GLASS, Choice.WITHDRAW],
]
SAID = {  # what only RDS can make true, and its own word for it
    RequestState.COMPLETED: BackupStatus.COMPLETED,
    RequestState.FAILED: BackupStatus.FAILED,
    RequestState.LOST: "GONE",
}
ACTIONS = {
    Choice.APPROVE: AuditAction.APPROVED,
    Choice.REJECT: AuditAction.REJECTED,
    Choice.WITHDRAW: AuditAction.WITHDRAWN,
    Choice.BREAK_GLASS: AuditAction.BREAK_GLASS,
}


@dataclass(frozen=True)
class Violation:
    """A promise that was broken, and about which request."""

    promise: str
    about: str


def check(history: History) -> list[Violation]:
    """All violations; none, if every promise was kept."""
    told = _Told(history)
    return [violation for promise in PROMISES for violation in promise(told)]


@dataclass(frozen=True)
class _Told:
    """A history, easier to ask."""

    history: History

    @cached_property
    def accepted(self) -> dict[str, Accepted]:
        return {event.request_id: event for _, event in self.all(Accepted)}

    @cached_property
    def verdicts(self) -> dict[int, Verdict]:
        return {event.number: event.verdict for _, event in self.all(Answered)}

    def all(self, kind: type[E]) -> list[tuple[int, E]]:
        """The events of a kind, each with its place."""
        return [
            (n, event) for n, event in enumerate(self.history.events) if isinstance(event, kind)
        ]

    def creates(self, name: str) -> list[tuple[int, Sent]]:
        return [(n, sent) for n, sent in self.all(Sent) if sent.name == name]

    def presses(self, request_id: str, choice: Choice) -> list[tuple[int, Pressed]]:
        presses = self.all(Pressed)
        return [(n, p) for n, p in presses if (p.request_id, p.choice) == (request_id, choice)]


def _one_create(told: _Told) -> Iterator[Violation]:
    for request_id, asked in told.accepted.items():
        sent = told.creates(asked.name)
        if sum(create.made for _, create in sent) > 1:
            yield Violation("at most one backup a request", request_id)
        for (first, before), (second, _) in pairwise(sent):
            # A refusal may be on disk before the death, and there is nothing to find after it.
            is_unknown = not before.answered or (before.made and _died(told, first, second))
            if before.made and not is_unknown:
                yield Violation("no create after one that was accepted", request_id)
            if is_unknown and not _looked(told, asked.instance, first, second):
                yield Violation("after an unknown outcome the name is looked up", request_id)


def _looked(told: _Told, instance: str, first: int, second: int) -> bool:
    looks = told.all(Looked)
    return any(first < n < second and look.instance == instance for n, look in looks)


def _died(told: _Told, first: int, second: int) -> bool:
    return any(first < n < second for n, _ in told.all(Killed))


def _approved(told: _Told) -> Iterator[Violation]:
    for request_id, asked in told.accepted.items():
        rules = told.history.rules[asked.instance]
        for place, _ in told.creates(asked.name)[:1]:
            if not (_enough(told, asked, rules, place) or _broken(told, asked, rules, place)):
                yield Violation("approved by enough people before the create", request_id)


def _enough(told: _Told, asked: Accepted, rules: Rules, place: int) -> bool:
    """Whether at some moment before `place` as many people stood behind it as have to."""
    if rules.approvals == 0:
        return True
    left = {event.user: n for n, event in told.all(Left)}
    clicks = [
        (n, press.user)
        for n, press in told.presses(asked.request_id, Choice.APPROVE)
        if n < place and rules.allow(press.user, asked.requester)
    ]
    return any(
        len({user for n, user in clicks if n <= last < left.get(user, place + 1)})
        >= rules.approvals
        for last, _ in clicks
    )


def _broken(told: _Told, asked: Accepted, rules: Rules, place: int) -> bool:
    presses = told.presses(asked.request_id, Choice.BREAK_GLASS)
    return any(n < place and press.user in rules.break_glass for n, press in presses)


def _nothing_after_no(told: _Told) -> Iterator[Violation]:
    for request_id, asked in told.accepted.items():
        request = told.history.requests.get(request_id)
        if not request or request.state not in NOT_APPROVED:
            continue
        creates = told.creates(asked.name)
        if request.state is RequestState.WITHDRAWN:
            creates = _not_before_withdrawal(told, request_id, creates)
        if creates:
            yield Violation("nothing is created once it ended otherwise", request_id)


def _not_before_withdrawal(
    told: _Told, request_id: str, creates: list[tuple[int, Sent]]
) -> list[tuple[int, Sent]]:
    """Leave out what RDS refused, as it was busy, before the request was withdrawn.

    If the answer to the withdrawal was lost or in doubt, one call may still have been on its way.
    """
    presses = told.presses(request_id, Choice.WITHDRAW)
    answers = [
        n
        for n, answer in told.all(Answered)
        if answer.verdict is Verdict.DECIDED and answer.number in {p.number for _, p in presses}
    ]
    withdrawn = answers[0] if answers else max((n for n, _ in presses), default=-1)
    late = [n for n, _ in creates if n > withdrawn][0 if answers else 1 :]
    return [(n, create) for n, create in creates if create.made or n in late]


def _one_decision(told: _Told) -> Iterator[Violation]:
    decided = defaultdict[str, list[Choice]](list)
    for _, press in told.all(Pressed):
        if told.verdicts.get(press.number) is Verdict.DECIDED:
            decided[press.request_id].append(press.choice)
    for about, choices in decided.items():
        if len(choices) > 1 and choices not in WITHDRAWN_AFTER_ALL:
            yield Violation("one click decides", about)


def _nobody_their_own(told: _Told) -> Iterator[Violation]:
    for _, press in told.all(Pressed):
        asked = told.accepted.get(press.request_id)
        verdict = told.verdicts.get(press.number)
        if asked is None or verdict is None or not verdict.counts:
            continue
        rules = told.history.rules[asked.instance]
        if press.choice is Choice.APPROVE and not rules.allow(press.user, asked.requester):
            yield Violation("only who may approves", press.request_id)
        if press.choice is Choice.WITHDRAW and press.user != asked.requester:
            yield Violation("only who asked withdraws", press.request_id)
        if press.choice is Choice.BREAK_GLASS and press.user not in rules.break_glass:
            yield Violation("only who may breaks the glass", press.request_id)


def _clicks_on_disk(told: _Told) -> Iterator[Violation]:
    """What somebody was told of their click was on the trail by then, counted or refused."""
    trail = Counter((entry.request_id, entry.actor, entry.action) for entry in told.history.trail)
    answered: Counter[tuple[str | None, str, AuditAction]] = Counter()
    for _, press in told.all(Pressed):
        verdict = told.verdicts.get(press.number)
        if verdict is not None and verdict is not Verdict.NO_REASON:
            action = ACTIONS[press.choice] if verdict.counts else AuditAction.CLICK_REFUSED
            if verdict is Verdict.IN_DOUBT:
                action = AuditAction.STOPPED
            answered[press.request_id, press.user, action] += 1
    for request_id, _, _ in answered - trail:
        yield Violation("every answered click is on the trail", str(request_id))


def _all_end(told: _Told) -> Iterator[Violation]:
    for request_id in told.accepted:
        request = told.history.requests.get(request_id)
        if request is None:
            yield Violation("what was accepted is on disk", request_id)
        elif not request.state.is_final:
            yield Violation("every accepted request ends", request_id)


def _one_command_one_request(told: _Told) -> Iterator[Violation]:
    ids: dict[str, str] = {}
    for _, asked in told.all(Accepted):
        if ids.setdefault(asked.trigger_id, asked.request_id) != asked.request_id:
            yield Violation("the same command twice is one request", asked.request_id)


def _outcomes_told(told: _Told) -> Iterator[Violation]:
    """Each end was said in Slack; who withdrew before there was a card was answered directly."""
    there = {post.ts for _, post in told.all(Posted)}
    for request_id in told.accepted:
        request = told.history.requests.get(request_id)
        if not request or not request.state.is_final:
            continue
        was_answered = request.state is RequestState.WITHDRAWN and request.terms is None
        if (
            not was_answered
            and told.history.notes.get((request_id, ThreadLine.ENDED)) not in there
        ):
            yield Violation("each outcome is told", request_id)


def _said_when_true(told: _Told) -> Iterator[Violation]:
    truth = {event.name: event.status for _, event in told.all(Ended)}
    for request_id, request in told.history.requests.items():
        if request.state in SAID and truth.get(request.name) != SAID[request.state]:
            yield Violation("only what RDS says is said", request_id)
        made = any(sent.made for _, sent in told.creates(request.name))
        if request.state is RequestState.REFUSED and made:
            yield Violation("what was made is not said to be refused", request_id)


def _said_once(told: _Told) -> Iterator[Violation]:
    """A death, or an answer that was lost, within a post's round trip can double that post.

    Not where the bot can look for it; there it can only have become pointless meanwhile.
    """
    posts = [post for _, post in told.all(Posted)]
    noted, deaths = {*told.history.notes.values()}, len(told.all(Killed))
    for channel in {post.channel for post in posts}:
        there = [post for post in posts if post.channel == channel]
        lost = sum(post.ts not in noted for post in there)
        doubled = len(there) - len({post.id for post in there})
        is_readable = channel in told.history.readable
        if lost > deaths + sum(not post.answered for post in there) or (is_readable and doubled):
            yield Violation("each thing is said once", f"{lost} times not in {channel}")


def _trail_in_order(told: _Told) -> Iterator[Violation]:
    """The chain is whole, and nothing was sent before the trail says who let it."""
    if told.history.chain:
        yield Violation("the trail is whole", told.history.chain)
    allowed: Counter[str | None] = Counter()
    for entry in told.history.trail:
        if entry.action in (AuditAction.APPROVED, AuditAction.BREAK_GLASS):
            allowed[entry.request_id] += 1
        if entry.action is AuditAction.CREATE_SENT and not allowed[entry.request_id]:
            yield Violation(
                "the trail says who let it, and then that it was sent", str(entry.request_id)
            )


PROMISES: tuple[Callable[[_Told], Iterator[Violation]], ...] = (
    _one_create,
    _approved,
    _nothing_after_no,
    _one_decision,
    _nobody_their_own,
    _clicks_on_disk,
    _all_end,
    _one_command_one_request,
    _outcomes_told,
    _said_when_true,
    _said_once,
    _trail_in_order,
)
