"""Clicks: decide a request, withdraw it, or keep its backup."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime

from bot.application.deadlines import FORM_TIMEOUT, MEMBERS_TIMEOUT
from bot.application.origin import Origin, request_about
from bot.application.ports import Conflict, Engine, People, Store, Transaction
from bot.domain.audit import AuditAction
from bot.domain.clicks import LONGEST_ID, STATES, Click, ClickResult, entry, judge
from bot.domain.decisions import Decision, Verdict
from bot.domain.outbox import reply
from bot.domain.policy import Members, Policy, Terms
from bot.domain.requests import BackupRequest, Choice, Vote
from bot.domain.states import RequestState, Retention
from bot.domain.thread_lines import CARD, ThreadLine
from bot.domain.workspaces import Sender, Workspaces
from bot.runtime import tracing
from bot.runtime.clock import Clock
from bot.runtime.metrics import DECISION_SECONDS

JUST_ADDED = 10.0  # seconds until a new member of a group is recognized


class Clicks:
    """Carries out clicks. People's rights are checked when they click."""

    def __init__(
        self,
        *,
        store: Store,
        policy: Policy,
        people: People,
        engine: Engine,
        clock: Clock,
        workspaces: Workspaces,
    ) -> None:
        self._workspaces = workspaces
        self._store = store
        self._policy = policy
        self._people = people
        self._engine = engine
        self._clock = clock

    async def decide(self, click: Click) -> ClickResult:
        """Save a vote, the new state, and the audit entry in one transaction; return its result.

        A click that would count but lacks a required reason gets NO_REASON, and nothing is
        saved.
        """
        with tracing.span("decision", click.request_id, choice=click.choice.value):
            members = await self._members_for(click)
            try:
                result = await self._count(click, members)
            except Conflict:  # someone was faster: judge the new state
                result = await self._count(click, members)
        if result.request is not None:
            self._engine.wake(result.request.id)
            if result.verdict is Verdict.DECIDED and (since := result.request.waits_since):
                took = self._clock.now() - since
                DECISION_SECONDS.labels(click.choice.value).observe(took.total_seconds())
        return result

    async def withdraw(self, about: str, origin: Origin) -> tuple[ClickResult, Click]:
        """Withdraw a request by its backup's name or its ID. Raises RequestUnknown."""
        teams = self._workspaces.seen_from(origin.team_id)
        request = await request_about(self._store, about, origin, teams)
        click = Click(
            request.id,
            Choice.WITHDRAW,
            origin.user_id,
            origin.team_id,
            enterprise_id=origin.enterprise_id,
        )
        return await self.decide(click), click

    async def keep(self, request_id: str, user_id: str, sender: Sender) -> BackupRequest | None:
        """Cancel a backup's automatic deletion; return the changed request.

        Returns None if there is none, or this person can't act on it. Changes nothing if it is
        too late.
        """
        request = await self.claimed(request_id, sender)
        if request is None or request.retention is not Retention.WARNED:
            return request
        now = self._clock.now()
        with suppress(Conflict):
            async with self._store.transaction() as transaction:
                kept = await transaction.retain(request, Retention.KEPT, kept_by=user_id)
                what = kept.backup_on_trail
                await transaction.record(
                    kept.on_trail(AuditAction.KEPT, at=now, actor=user_id, detail=what)
                )
        self._engine.wake(request.id)
        return await self._store.load(request.id)

    async def claimed(self, request_id: str, sender: Sender) -> BackupRequest | None:
        """Return the request that a button names; None if this person can't act on it."""
        request = await self._store.load(request_id[:LONGEST_ID])
        if request and self._workspaces.lets_act(sender, request.team_id):
            return request
        return None

    async def other_card(self, request_id: str, ts: str) -> tuple[str, str] | None:
        """Return the channel and ts of the request's card if `ts` is another message, else None.

        A card is posted twice if Slack's answer to the first post was lost.
        """
        card = await self._store.posted(request_id, CARD)
        return card if card and ts not in ("", card[1]) else None

    async def _members_for(self, click: Click) -> Members:
        """Look up the people whom this click depends on, before the request is locked."""
        request = await self._store.load(click.request_id)
        if request is None or request.state is not RequestState.AWAITING_APPROVAL:
            return {}
        terms = request.under(self._policy).terms or Terms()
        match click.choice:
            case Choice.WITHDRAW:
                return {}
            case Choice.BREAK_GLASS:
                allowed = terms.break_glass
            case Choice.APPROVE | Choice.REJECT:
                allowed = terms.approvers
        opens_form = click.choice.wants_reason and not click.reason
        timeout_seconds = FORM_TIMEOUT if opens_form else MEMBERS_TIMEOUT
        ids = (*allowed, click.user_id, *request.approvers)
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self._rights(click, request.under(self._policy), ids)
        except TimeoutError:  # unknown, so no group counts
            return {}

    async def _rights(self, click: Click, request: BackupRequest, ids: Iterable[str]) -> Members:
        """Ask Slack again if the click would count; a refused one costs few calls."""
        members = await self._people.members(ids)
        verdict = judge(click, request, members, self._clock.now(), self._workspaces).verdict
        if verdict.counts:
            return await self._people.members(ids, max_age=0)
        if verdict in (Verdict.NOT_AN_APPROVER, Verdict.MAY_NOT_BREAK_GLASS):
            return await self._people.members(ids, max_age=JUST_ADDED)
        return members

    async def _count(self, click: Click, members: Members) -> ClickResult:
        async with self._store.transaction() as transaction:
            request = await transaction.load(click.request_id)
            now = self._clock.now()
            if request is None:
                decision = Decision(Verdict.UNKNOWN_REQUEST, None)
            else:
                request = request.under(self._policy)
                decision = judge(click, request, members, now, self._workspaces)
                request = await _carry_out(transaction, click, request, decision, now)
            if decision.verdict is not Verdict.NO_REASON:
                await transaction.record(entry(click, decision, request, now))
        return ClickResult(decision.verdict, request)


async def _carry_out(
    transaction: Transaction,
    click: Click,
    request: BackupRequest,
    decision: Decision[Verdict],
    now: datetime,
) -> BackupRequest:
    if not decision.verdict.counts:
        return request
    if decision.revoked:
        request = await transaction.revoke(request, decision.revoked)
    if not _has_voted(click, request):
        vote = Vote(user_id=click.user_id, choice=click.choice, at=now, reason=click.reason)
        request = await transaction.vote(request, vote)
    if decision.verdict is Verdict.COUNTED:
        counted = ThreadLine.COUNTED
        await transaction.owe(*reply(request, counted, subject=click.user_id))
    if decision.verdict in (Verdict.COUNTED, Verdict.IN_DOUBT):
        return request
    to = STATES[click.choice]
    return await transaction.move(request, to, decided_at=now, terms=request.terms)


def _has_voted(click: Click, request: BackupRequest) -> bool:
    return any((v.user_id, v.choice) == (click.user_id, click.choice) for v in request.votes)
