"""What a click comes to, on a real SQLite file and on a real PostgreSQL, without Slack."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncConnection

import bot.application.clicks as clicks_module
from bot.application.clicks import Clicks
from bot.application.origin import Origin
from bot.domain.audit import AuditAction
from bot.domain.clicks import Click, ClickResult
from bot.domain.decisions import Verdict
from bot.domain.errors import RequestUnknown
from bot.domain.instances import Instance
from bot.domain.policy import Policy, RuleReference, RuleSource, Terms
from bot.domain.requests import BackupRequest, Choice
from bot.domain.states import RequestState
from bot.domain.workspaces import Workspaces
from bot.runtime.clock import Clock
from bot.slack.messages.answers import click_answer
from bot.storage.store import Store
from bot.storage.transaction import Transaction
from tests.requests import asked
from tests.stepped_clock import SteppedClock

ANA, BEN, CAT, DAN = "U0ANA", "U0BEN", "U0CAT", "U0DAN"
DBAS = "S0DBA"
BY_APPROVAL = RuleReference(source=RuleSource.APPROVAL)
RULE_1 = RuleReference(source=RuleSource.RULE, number=1)
ORDERS = Instance(id="1" * 32 + "in01", name="orders-prod", status="ACTIVE")
YES, NO, BACK, GLASS = Choice.APPROVE, Choice.REJECT, Choice.WITHDRAW, Choice.BREAK_GLASS
_S, _V = RequestState, Verdict


class People:
    """Slack knows the DBAs, and who left."""

    def __init__(self) -> None:
        self.left: set[str] = set()
        self.remembered: set[str] | None = None  # the DBAs as they were, if that has changed
        self.asked: list[float | None] = []
        self.answers = True

    async def members(
        self, ids: Iterable[str], *, max_age: float | None = None
    ) -> Mapping[str, frozenset[str] | None]:
        self.asked.append(max_age)
        if max_age is not None and not self.answers:
            await asyncio.Event().wait()
        dbas = {BEN, CAT} if max_age is not None else self.remembered or {BEN, CAT}
        behind = {i: dbas if i == DBAS else {i} for i in ids}
        return {i: frozenset(people - self.left) for i, people in behind.items()}

    async def everybody(self, ids: Iterable[str]) -> Mapping[str, frozenset[str] | None]:
        return await self.members(ids)


@dataclass
class Engine:
    """Remembers whom it woke."""

    woken: list[str] = field(default_factory=list)

    def start(self, request_id: str) -> None: ...

    def wake(self, request_id: str) -> None:
        self.woken.append(request_id)


class Overtaken(Store):
    """Its first looks see a request as it was: what it says has changed meanwhile."""

    def __init__(self, store: Store, *pictures: BackupRequest) -> None:
        super().__init__(store.engine)
        self.pictures = list(pictures)

    async def load(self, request_id: str) -> BackupRequest | None:
        return self.pictures.pop() if self.pictures else await super().load(request_id)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        async with super().transaction() as transaction:
            yield _Unlocked(transaction._connection, self.pictures)  # noqa: SLF001, in the same unit


class _Unlocked(Transaction):
    def __init__(self, connection: AsyncConnection, pictures: list[BackupRequest]) -> None:
        super().__init__(connection, Clock())
        self.pictures = pictures

    async def load(self, request_id: str) -> BackupRequest | None:
        return self.pictures.pop() if self.pictures else await super().load(request_id)


class Desk:
    """Where people click: the use cases on a store, under terms of the test's own."""

    def __init__(self, store: Store, terms: Terms | None = None) -> None:
        self.store = store
        self.terms = terms or Terms(approvers=(DBAS,), rule=BY_APPROVAL)
        self.engine = Engine()
        self.people = People()
        self.clock = SteppedClock()
        self.clicks = Clicks(
            store=store,
            policy=Policy(defaults=self.terms),
            people=self.people,
            engine=self.engine,
            clock=self.clock,
            workspaces=Workspaces(own="T0DEMO"),
        )

    async def waiting(self, **changes: object) -> BackupRequest:
        """A request that waits for its approval."""
        unique = uuid4().hex
        request = asked().model_copy(
            update={
                "id": unique,
                "trigger_id": unique,
                "name": f"b-{unique}",
                "state": _S.AWAITING_APPROVAL,
                "instance": ORDERS,
                "terms": self.terms,
                "expires_at": self.clock.now() + timedelta(hours=8),
                **changes,
            }
        )
        async with self.store.transaction() as transaction:
            await transaction.insert(request)
        return request

    async def click(self, request_id: str, user: str, choice: Choice = YES) -> ClickResult:
        reason = "because" if choice.wants_reason else ""
        return await self.clicks.decide(Click(request_id, choice, user, "T0DEMO", reason))

    async def now(self, request: BackupRequest) -> BackupRequest:
        """The request as it is on disk."""
        loaded = await self.store.load(request.id)
        assert loaded is not None
        return loaded


def words(result: ClickResult, user: str, choice: Choice = YES) -> str:
    return click_answer(result, Click("", choice, user, "")).text


async def test_twenty_clicks_at_once_are_one_decision(store: Store) -> None:
    """Whoever is first decides; all others hear that it is decided, and all are on the trail."""
    desk = Desk(store)
    request = await desk.waiting()

    results = await asyncio.gather(*(desk.click(request.id, who) for who in (BEN, CAT) * 10))

    verdicts = [result.verdict for result in results]
    assert (verdicts.count(_V.DECIDED), verdicts.count(_V.ALREADY_DECIDED)) == (1, 19)
    assert (await desk.now(request)).state is _S.APPROVED
    assert len(await store.audit_trail(request.id)) == 20


async def test_a_replayed_withdrawal_hits_no_newer_request(store: Store) -> None:
    """The name means what it meant when Slack signed the command."""
    desk = Desk(store)
    signed_at = desk.clock.now()
    typed = Origin(ANA, "T0DEMO", "C0OPS", "trigger", None, sent_at=signed_at)
    first = await desk.waiting(name="before-42", asked_at=signed_at - timedelta(minutes=1))
    result, _ = await desk.clicks.withdraw("before-42", typed)
    newer = await desk.waiting(name="before-42", asked_at=signed_at + timedelta(minutes=1))
    with pytest.raises(RequestUnknown):
        await desk.clicks.withdraw("before-42", typed)
    anew = replace(typed, sent_at=signed_at + timedelta(minutes=2))

    assert result.verdict is _V.DECIDED
    assert (await desk.now(first)).state is _S.WITHDRAWN
    assert (await desk.now(newer)).state is _S.AWAITING_APPROVAL
    assert (await desk.clicks.withdraw("before-42", anew))[0].verdict is _V.DECIDED


async def test_both_hands_of_one_person_count_once(store: Store) -> None:
    """Two of three are needed, and one person clicks ten times at once."""
    desk = Desk(store, Terms(approvers=(DBAS,), approvals=2))
    request = await desk.waiting()

    results = await asyncio.gather(*(desk.click(request.id, BEN) for _ in range(10)))

    verdicts = [result.verdict for result in results]
    assert (verdicts.count(_V.COUNTED), verdicts.count(_V.ALREADY_VOTED)) == (1, 9)
    assert (await desk.now(request)).approvers == (BEN,)


async def test_a_click_that_lost_a_race_is_answered(store: Store) -> None:
    """Its picture of the request was old: the second look says what is true."""
    desk = Desk(store, Terms(approvers=(BEN,)))
    old = await desk.waiting()
    await desk.click(old.id, BEN)

    late = await Desk(Overtaken(store, old, old), desk.terms).click(old.id, BEN)

    assert late.verdict is _V.ALREADY_DECIDED
    assert len(await store.audit_trail(old.id)) == 2


async def test_who_was_removed_from_the_group_does_not_count(store: Store) -> None:
    """Memory has them; the click that would count asks Slack anew."""
    desk = Desk(store)
    request = await desk.waiting()
    desk.people.remembered = {BEN, CAT, DAN}

    result = await desk.click(request.id, DAN)

    assert result.verdict is _V.NOT_AN_APPROVER
    assert desk.people.asked == [None, 0]
    assert (await desk.now(request)).votes == ()


async def test_who_was_just_added_to_the_group_counts(store: Store) -> None:
    """A refusal is looked up again too, if memory is older than a moment."""
    desk = Desk(store)
    request = await desk.waiting()
    desk.people.remembered = {BEN}

    assert (await desk.click(request.id, CAT)).verdict is _V.DECIDED


async def test_where_slack_does_not_answer_nothing_counts(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clicker hears it before Slack's three seconds are over, and may press again."""
    monkeypatch.setattr(clicks_module, "MEMBERS_TIMEOUT", 0.01)
    desk = Desk(store)
    request = await desk.waiting()
    desk.people.answers = False

    result = await desk.click(request.id, BEN)

    assert result.verdict is _V.GROUPS_UNKNOWN
    assert "Press it again" in words(result, BEN)
    assert (await desk.now(request)).votes == ()
    desk.people.answers = True
    assert (await desk.click(request.id, BEN)).verdict is _V.DECIDED


async def test_what_counts_anyway_asks_slack_nothing(store: Store) -> None:
    """A click that opens a form, that is refused for what it is, or that comes too late."""
    desk = Desk(store)
    request = await desk.waiting()
    await desk.clicks.decide(Click(request.id, NO, BEN, "T0DEMO"))  # its form comes first
    await desk.click(request.id, ANA)
    await desk.click(request.id, BEN)
    asked = list(desk.people.asked)
    await desk.click(request.id, CAT)

    assert asked == [None, None, None, 0]
    assert desk.people.asked == asked


@pytest.mark.parametrize(
    "claimed",
    ["", "0" * 32, "x" * 2000, "'; DROP TABLE request; --", "a\x00b", "\ud800", "\u202e" * 70],
    ids=["empty", "unknown", "long", "sql", "nul", "surrogate", "invisible"],
)
async def test_a_made_up_request_is_answered_and_noted(store: Store, claimed: str) -> None:
    """Nothing is changed; the trail keeps what was claimed, clipped, and no rule applied."""
    desk = Desk(store)
    request = await desk.waiting()

    result = await desk.click(claimed, DAN)

    (entry,) = await store.audit_trail()
    assert (result.verdict, result.request) == (_V.UNKNOWN_REQUEST, None)
    assert (entry.actor, entry.action, entry.rule) == (DAN, AuditAction.CLICK_REFUSED, None)
    assert entry.request_id is not None
    assert len(entry.request_id) <= 64
    assert await desk.now(request) == request


async def test_rights_are_those_of_today(store: Store) -> None:
    """The policy changed while a request waited: verdict, words and what is kept follow it."""
    desk = Desk(store, Terms(approvers=(CAT,), rule=RULE_1))
    request = await desk.waiting(terms=Terms(approvers=(BEN,), approvals=2))

    refused = await desk.click(request.id, BEN)
    decided = await desk.click(request.id, CAT)

    assert refused.verdict is _V.NOT_AN_APPROVER
    assert f"only <@{CAT}> can, for orders-prod (rule 1)" in words(refused, BEN)
    assert decided.verdict is _V.DECIDED
    assert (await desk.now(request)).terms == desk.terms


async def test_the_requester_is_not_listed_as_able_to_approve(store: Store) -> None:
    """Ana is on the list, and still cannot approve her own."""
    some = Desk(store, Terms(approvers=(ANA, BEN)))
    alone = Desk(store, Terms(approvers=(ANA,)))

    among = await some.click((await some.waiting()).id, ANA)
    nobody = await alone.click((await alone.waiting()).id, ANA)

    assert words(among, ANA).endswith(f"(the default policy). <@{BEN}> can.")
    assert "Nobody else can" in words(nobody, ANA)


async def test_a_click_before_the_card_is_no_way_around_the_policy(store: Store) -> None:
    """A request that is looked up while a stranger's click is under way has its own terms."""
    desk = Desk(store)
    request = await desk.waiting()
    before = request.model_copy(update={"state": _S.SUBMITTED, "instance": None, "terms": None})

    result = await Desk(Overtaken(store, before), desk.terms).click(request.id, DAN)

    assert result.verdict is _V.GROUPS_UNKNOWN
    assert await desk.now(request) == request


async def test_an_approval_by_someone_who_left_is_revoked(store: Store) -> None:
    """Ben approved and left Slack: his vote is revoked, and Cat's is the first of two."""
    desk = Desk(store, Terms(approvers=(DBAS, DAN), approvals=2))
    request = await desk.waiting()
    await desk.click(request.id, BEN)
    desk.people.left.add(BEN)

    first = await desk.click(request.id, CAT)
    second = await desk.click(request.id, DAN)

    assert (first.verdict, second.verdict) == (_V.COUNTED, _V.DECIDED)
    assert (await desk.now(request)).approvers == (CAT, DAN)
    trail = await store.audit_trail(request.id)
    assert [entry.detail.get("no_longer_counted") for entry in trail] == [None, BEN, None]


async def test_fewer_approvals_are_needed_meanwhile(store: Store) -> None:
    """Ben approved when two were needed; now it is one, and his next click decides."""
    request = await (before := Desk(store, Terms(approvers=(DBAS,), approvals=2))).waiting()
    await before.click(request.id, BEN)

    result = await (now := Desk(store, Terms(approvers=(DBAS,)))).click(request.id, BEN)

    assert result.verdict is _V.DECIDED
    assert (await now.now(request)).approvers == (BEN,)


async def test_a_choice_that_wants_a_reason_waits_for_it(store: Store) -> None:
    """Who may reject is asked why, and nothing is noted yet; who may not is refused at once."""
    desk = Desk(store)
    request = await desk.waiting()

    asked_why = await desk.clicks.decide(Click(request.id, NO, BEN, "T0DEMO", " \n"))
    refused = await desk.clicks.decide(Click(request.id, NO, DAN, "T0DEMO"))

    assert (asked_why.verdict, refused.verdict) == (_V.NO_REASON, _V.NOT_AN_APPROVER)
    (entry,) = await store.audit_trail()
    assert (entry.actor, entry.detail["verdict"]) == (DAN, "not_an_approver")
    assert await desk.now(request) == request


async def test_a_click_at_the_last_moment_is_too_late(store: Store) -> None:
    """The time is over, and nobody noticed: no vote, and the lifecycle is woken to end it."""
    desk = Desk(store)
    request = await desk.waiting()
    desk.clock.advance(hours=8)

    result = await desk.click(request.id, BEN)

    assert result.verdict is _V.EXPIRED
    assert await desk.now(request) == request
    assert desk.engine.woken == [request.id]
    assert [e.detail["verdict"] for e in await store.audit_trail(request.id)] == [_V.EXPIRED]


people = st.sampled_from([ANA, BEN, CAT, DAN])
clicks = st.lists(
    st.tuples(people, st.sampled_from([YES, YES, YES, NO, BACK, GLASS]), st.booleans()), max_size=8
)
terms = st.builds(
    Terms,
    approvals=st.integers(1, 3),
    approvers=st.sampled_from([(), (DBAS,), (ANA, BEN), (DBAS, DAN)]),
    self_approval=st.booleans(),
    break_glass=st.sampled_from([(), (CAT,)]),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(terms=terms, clicks=clicks, at_once=st.booleans())
async def test_no_sequence_of_clicks_decides_twice(
    store: Store, terms: Terms, clicks: list[tuple[str, Choice, bool]], *, at_once: bool
) -> None:
    """One after the other or all at once: at most one decision, by enough of those who may."""
    desk = Desk(store, terms)
    request = await desk.waiting()

    async def click(who: str, choice: Choice, *, is_late: bool) -> Verdict:
        desk.clock.advance(hours=3 * is_late)
        return (await desk.click(request.id, who, choice)).verdict

    coming = [click(who, choice, is_late=is_late) for who, choice, is_late in clicks]
    verdicts = await asyncio.gather(*coming) if at_once else [await one for one in coming]

    now = await desk.now(request)
    decided = verdicts.count(_V.DECIDED)
    assert decided == (now.state in (_S.APPROVED, _S.REJECTED, _S.WITHDRAWN))
    assert len(await store.audit_trail(request.id)) == len(clicks)
    assert len(now.votes) == decided + verdicts.count(_V.COUNTED)
    assert len(set(now.approvers)) == len(now.approvers)
    enough = len(now.approvers) >= terms.approvals
    assert (now.state is _S.APPROVED) == (enough or now.vote(GLASS) is not None)
    assert terms.self_approval or ANA not in now.approvers
    allowed = {BEN, CAT} if DBAS in terms.approvers else set[str]()
    assert not terms.approvers or set(now.approvers) <= allowed | set(terms.approvers)
