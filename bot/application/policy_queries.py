"""Look up the policy and the audit log."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from bot.application.deadlines import ACK_DEADLINE, FORM_TIMEOUT, members_within
from bot.application.origin import Origin
from bot.application.ports import Catalogue, People, Store
from bot.domain.audit import AuditAction, AuditEntry
from bot.domain.decisions import (
    AskVerdict,
    Decision,
    able_to_approve,
    decide_request,
    is_among,
    may_audit,
)
from bot.domain.errors import GroupsUnknown, MayNotAudit, RdsUnreachable, UnknownInstance
from bot.domain.instances import Instance
from bot.domain.policy import Policy, Terms
from bot.domain.workspaces import Workspaces
from bot.runtime.clock import Clock

LAST_ENTRIES = 20  # of the audit log, in one answer


@dataclass(frozen=True)
class PolicyView:
    """The policy of one instance, as it applies to one person.

    `able` are the people who can approve: None if anyone can, or if Slack couldn't tell.
    """

    instance: Instance
    terms: Terms
    decision: Decision[AskVerdict]
    able: frozenset[str] | None
    may_break_glass: bool | None


@dataclass(frozen=True)
class TrailView:
    """The last audit entries about an instance, oldest first."""

    instance_name: str
    entries: Sequence[AuditEntry]
    at: datetime


class PolicyQueries:
    """Answers questions about the policy; refused ones go to the audit log."""

    def __init__(
        self,
        *,
        store: Store,
        catalogue: Catalogue,
        policy: Policy,
        people: People,
        clock: Clock,
        workspaces: Workspaces,
    ) -> None:
        self.policy = policy
        self._workspaces = workspaces
        self._store = store
        self._catalogue = catalogue
        self._people = people
        self._clock = clock

    async def policy_for(self, reference: str, origin: Origin) -> PolicyView:
        """Return an instance's policy for this person in this channel.

        Raises UnknownInstance, AmbiguousInstance, ReadReplica, and RdsError if the list of
        instances isn't loaded.
        """
        return await self.policy_of(await self._catalogue.find(reference, ACK_DEADLINE), origin)

    async def policy_of(self, instance: Instance, origin: Origin) -> PolicyView:
        """Return a known instance's policy for this person; without a channel, for any."""
        terms = self.policy.terms_for(instance.name, instance.id, instance.project)
        channel = origin.channel_id or next(iter(terms.channels), "")
        user = origin.user_id
        named = (*terms.requesters, *terms.approvers, *terms.break_glass, user)
        members = await members_within(FORM_TIMEOUT, self._people, named)
        return PolicyView(
            instance=instance,
            terms=terms,
            decision=decide_request(terms, user=user, channel=channel, members=members),
            able=able_to_approve(terms, user, members),
            may_break_glass=is_among(user, terms.break_glass, members),
        )

    async def trail(self, reference: str, origin: Origin) -> TrailView:
        """Return an instance's last audit entries, even if RDS no longer lists the instance.

        Those of other workspaces' requests are left out, unless the workspaces share them.

        Raises MayNotAudit, GroupsUnknown, AmbiguousInstance, ReadReplica, StoreUnavailable.
        """
        name = instance_id = reference
        every = self.policy.terms_anywhere(reference)
        with suppress(UnknownInstance, RdsUnreachable):
            found = await self._catalogue.find(reference, ACK_DEADLINE)
            name, instance_id = found.label, found.id
            every = [self.policy.terms_for(found.name, found.id, found.project)]
        for terms in every:
            await self._check_auditor(origin.user_id, name, terms)
        entries = await self._store.last_audit_entries(
            instance_id,
            LAST_ENTRIES,
            self._workspaces.seen_from(origin.team_id),
            unplaced=self._workspaces.share or len(self._workspaces.served) == 1,
        )
        return TrailView(name, entries, self._clock.now())

    async def _check_auditor(self, user: str, name: str, terms: Terms) -> None:
        """Raise MayNotAudit or GroupsUnknown, and note it, unless this person is an auditor."""
        auditors = terms.auditors or terms.approvers
        members = await members_within(FORM_TIMEOUT, self._people, (*auditors, user))
        if not (may := may_audit(terms, user, members)):
            await self._note_refusal(user, name, terms)
            if may is None:
                raise GroupsUnknown(name, auditors, "read the audit trail of")
            raise MayNotAudit(name, terms.rule, auditors)

    async def _note_refusal(self, user: str, instance: str, terms: Terms) -> None:
        refused = AuditEntry(
            at=self._clock.now(),
            request_id=None,
            actor=user,
            action=AuditAction.AUDIT_REFUSED,
            rule=str(terms.rule),
            instance=instance,
        )
        async with self._store.transaction() as transaction:
            await transaction.record(refused)
