"""Requesting a deletion: what can be deleted is found, and requested like a backup."""

import pytest

from bot.domain.audit import AuditAction
from bot.domain.commands import DeleteBackup
from bot.domain.errors import (
    BackupBusy,
    BackupNotManual,
    BackupUnknown,
    InstanceNotReady,
    RdsRefused,
    RdsUnreachable,
    RefusalReason,
    RequestOpen,
    StoreUnavailable,
    UnknownInstance,
)
from bot.domain.requests import Kind
from bot.domain.states import RequestState
from tests.fakes import BEN, BILLING, ORDERS, TYPED, UseCases, typed

MADE_HERE = DeleteBackup("before-1")
MADE_ELSEWHERE = DeleteBackup("by-hand", "orders-prod")


async def test_what_the_bot_made_needs_no_instance(cases: UseCases) -> None:
    """The store knows of which instance it is."""
    await cases.made(1, instance=BILLING)
    backup = cases.backup("before-1", instance_id=BILLING.id)

    target = await cases.deletions.find(MADE_HERE)

    assert (target.instance, target.backup) == (BILLING, backup)


async def test_what_was_made_elsewhere_needs_its_instance(cases: UseCases) -> None:
    """With the instance it is found in RDS; without, it is unknown."""
    backup = cases.backup("by-hand")

    assert (await cases.deletions.find(MADE_ELSEWHERE)).backup == backup
    with pytest.raises(BackupUnknown):
        await cases.deletions.find(DeleteBackup("by-hand"))


async def test_what_is_nowhere_is_unknown(cases: UseCases) -> None:
    """RDS lists no backup of that name, and the bot made none."""
    with pytest.raises(BackupUnknown) as refused:
        await cases.deletions.find(MADE_ELSEWHERE)

    assert refused.value.instance_name == "orders-prod"


async def test_a_list_that_lacks_what_the_bot_made_proves_nothing(cases: UseCases) -> None:
    """The workflow asks RDS for it by its id."""
    await cases.made(1)

    assert (await cases.deletions.find(MADE_HERE)).backup is None


async def test_what_the_bot_deleted_is_unknown(cases: UseCases) -> None:
    """Nobody can delete it twice."""
    await cases.deleted(2, await cases.made(1))
    with pytest.raises(BackupUnknown):
        await cases.deletions.find(DeleteBackup("before-1", "orders-prod"))


async def test_an_automated_backup_is_not_deleted(cases: UseCases) -> None:
    """RDS does that itself."""
    cases.backup("nightly", type="auto")
    with pytest.raises(BackupNotManual) as refused:
        await cases.deletions.find(DeleteBackup("nightly", "orders-prod"))

    assert refused.value.type == "auto"


@pytest.mark.parametrize("status", ["BUILDING", "DELETING", "UNHEARD-OF"])
async def test_a_backup_in_progress_is_not_deleted(cases: UseCases, status: str) -> None:
    """Only one that is complete or failed is."""
    cases.backup("by-hand", status=status)
    with pytest.raises(BackupBusy) as refused:
        await cases.deletions.find(MADE_ELSEWHERE)

    assert refused.value.status == status


async def test_nothing_is_deleted_during_a_restore(cases: UseCases) -> None:
    """RDS does not say from which backup it restores."""
    cases.catalogue.instances = [ORDERS.model_copy(update={"status": "RESTORING"})]
    cases.backup("by-hand")
    with pytest.raises(InstanceNotReady):
        await cases.deletions.find(MADE_ELSEWHERE)


@pytest.mark.parametrize(
    "trouble", [RdsUnreachable("slow"), RdsRefused(RefusalReason.OTHER, "DBS.1")]
)
async def test_where_rds_fails_the_check_comes_later(
    cases: UseCases, trouble: RdsUnreachable | RdsRefused
) -> None:
    """The form opens without the backup's date and size."""
    cases.rds.trouble = trouble

    target = await cases.deletions.find(MADE_ELSEWHERE)

    assert (target.name, target.instance, target.backup) == ("by-hand", ORDERS, None)


async def test_a_slow_list_is_not_waited_for(cases: UseCases) -> None:
    """Slack gives a form three seconds."""
    cases.rds.hangs = True

    target = await cases.deletions.find(MADE_ELSEWHERE, timeout_seconds=0.01)

    assert target.backup is None


async def test_a_request_is_on_disk_and_started(cases: UseCases) -> None:
    """It is a request like any other, of another kind."""
    request = await cases.deletions.ask(MADE_ELSEWHERE, TYPED)

    (stored,) = await cases.all_requests()
    (entry,) = await cases.store.audit_trail()
    assert stored == request
    assert (request.kind, request.state) == (Kind.DELETE, RequestState.SUBMITTED)
    assert (request.name, request.instance) == ("by-hand", ORDERS)
    assert cases.engine.started == [request.id]
    assert entry.detail["kind"] == "delete"


async def test_the_same_form_twice_is_one_request(cases: UseCases) -> None:
    """The second delivery is answered with the first's request."""
    first = await cases.deletions.ask(MADE_ELSEWHERE, TYPED)

    assert await cases.deletions.ask(MADE_ELSEWHERE, TYPED) == first
    assert await cases.trail() == [AuditAction.SUBMITTED]


async def test_one_open_request_per_backup(cases: UseCases) -> None:
    """The error says whose it is."""
    await cases.deletions.ask(MADE_ELSEWHERE, typed("trigger-2", BEN))
    with pytest.raises(RequestOpen) as refused:
        await cases.deletions.ask(MADE_ELSEWHERE, TYPED)

    assert (refused.value.name, refused.value.requested_by) == ("by-hand", BEN)
    assert await cases.trail() == [AuditAction.SUBMITTED, AuditAction.ASK_REFUSED]


async def test_a_refusal_is_on_the_trail(cases: UseCases) -> None:
    """An instance that does not exist, and a backup that the bot did not make."""
    with pytest.raises(UnknownInstance):
        await cases.deletions.ask(DeleteBackup("by-hand", "nowhere"), TYPED)
    with pytest.raises(BackupUnknown):
        await cases.deletions.ask(DeleteBackup("by-hand"), TYPED)

    errors = [entry.detail["error"] for entry in await cases.store.audit_trail()]
    assert errors == ["unknown_instance", "backup_unknown"]
    assert cases.engine.started == []


async def test_without_a_database_nothing_is_started(cases: UseCases) -> None:
    """Who asks hears that nothing was saved, with and without an instance."""
    cases.lose_database()
    for wanted in (MADE_HERE, MADE_ELSEWHERE):
        with pytest.raises(StoreUnavailable):
            await cases.deletions.ask(wanted, TYPED)

    assert cases.engine.started == []
