"""Requesting a backup: what is refused leaves no request, what is accepted is on disk."""

import asyncio
from datetime import timedelta

import pytest

from bot.domain.audit import AuditAction
from bot.domain.commands import CreateBackup
from bot.domain.errors import (
    AmbiguousInstance,
    NameTaken,
    RdsRefused,
    RdsUnreachable,
    ReadReplica,
    RefusalReason,
    StoreUnavailable,
    UnknownInstance,
)
from bot.domain.instances import Instance
from bot.domain.states import RequestState
from tests.fakes import BEN, BILLING, ORDERS, TYPED, UseCases, typed

CREATE = CreateBackup("orders-prod", "before-42", "before the migration", timedelta(days=14))
UNNAMED = CreateBackup("orders-prod")


async def test_a_request_is_on_disk_and_started(cases: UseCases) -> None:
    """It holds what was typed, who typed it and where, and the instance that was meant."""
    request = await cases.backups.ask(CREATE, TYPED)

    (stored,) = await cases.all_requests()
    assert stored == request
    assert cases.engine.started == [request.id]
    assert (request.state, request.instance) == (RequestState.SUBMITTED, ORDERS)
    assert (request.name, request.description) == ("before-42", "before the migration")
    assert (request.requester, request.channel_id) == (TYPED.user_id, TYPED.channel_id)
    assert request.keep == timedelta(days=14)


async def test_the_audit_trail_says_what_was_requested(cases: UseCases) -> None:
    """Also which request it repeats, and for how long the backup is kept."""
    await cases.backups.ask(CREATE, TYPED, again="earlier")

    (entry,) = await cases.store.audit_trail()
    assert (entry.actor, entry.instance, entry.instance_id) == (TYPED.user_id, *_of(ORDERS))
    assert entry.detail == {
        "name": "before-42",
        "description": "before the migration",
        "again": "earlier",
        "keep": "14d",
    }


def _of(instance: Instance) -> tuple[str, str]:
    return instance.name, instance.id


@pytest.mark.parametrize("reference", ["orders-prod", ORDERS.id, "shop"])
async def test_an_instance_goes_by_name_id_or_alias(cases: UseCases, reference: str) -> None:
    """Whatever was typed, the request holds the same instance."""
    request = await cases.backups.ask(CreateBackup(reference, "before-42"), TYPED)

    assert request.instance == ORDERS


async def test_the_same_command_twice_is_one_request(cases: UseCases) -> None:
    """Slack delivers a command again when an ack came too late."""
    first = await cases.backups.ask(CREATE, TYPED)
    second = await cases.backups.ask(CREATE, TYPED)

    assert second == first
    assert len(await cases.all_requests()) == 1
    assert await cases.trail() == [AuditAction.SUBMITTED]


async def test_the_same_command_twice_at_once_is_one_request(cases: UseCases) -> None:
    """Also when both deliveries are written in the same moment."""
    requests = await asyncio.gather(*(cases.backups.ask(UNNAMED, TYPED) for _ in range(5)))

    assert len({request.id for request in requests}) == 1
    assert len(await cases.all_requests()) == 1


async def test_who_names_no_backup_gets_a_name(cases: UseCases) -> None:
    """It is made of the instance, the time and the first words of the description."""
    request = await cases.backups.ask(CreateBackup("shop", "", "before the upgrade"), TYPED)

    assert request.name == "orders-prod-20261123-1400-before-the-upgrade"
    assert cases.backups.propose(ORDERS, "before the upgrade") == request.name


async def test_two_without_a_name_get_different_names(cases: UseCases) -> None:
    """Even in the same minute, and at the same moment."""
    requests = await asyncio.gather(
        *(cases.backups.ask(UNNAMED, typed(f"trigger-{number}")) for number in range(3))
    )

    base = "orders-prod-20261123-1400"
    assert {request.name for request in requests} == {base, f"{base}-2", f"{base}-3"}


async def test_a_name_that_was_typed_is_never_changed(cases: UseCases) -> None:
    """Another open request has it: the error says whose, and which name is free."""
    await cases.backups.ask(CREATE, typed("trigger-2", BEN))
    with pytest.raises(NameTaken) as refused:
        await cases.backups.ask(CREATE, TYPED)

    assert (refused.value.requested_by, refused.value.suggestion) == (BEN, "before-42-2")
    assert await cases.trail() == [AuditAction.SUBMITTED, AuditAction.ASK_REFUSED]
    assert len(cases.engine.started) == 1


async def test_a_name_is_free_once_its_request_has_ended(cases: UseCases) -> None:
    """Whether RDS still has such a backup is found out later."""
    await cases.made(1, name="before-42")

    assert (await cases.backups.ask(CREATE, TYPED)).name == "before-42"


async def test_an_unknown_instance_is_refused(cases: UseCases) -> None:
    """Nothing is stored but that it was refused; the nearest name is suggested."""
    with pytest.raises(UnknownInstance) as refused:
        await cases.backups.ask(CreateBackup("orders-prdo"), TYPED)

    (entry,) = await cases.store.audit_trail()
    assert refused.value.suggestions[0] == "orders-prod"
    assert (entry.action, entry.request_id) == ("ask_refused", None)
    assert (entry.instance, entry.detail["error"]) == ("orders-prdo", "unknown_instance")
    assert await cases.all_requests() == []
    assert cases.engine.started == []


async def test_a_read_replica_is_refused(cases: UseCases) -> None:
    """RDS can't back it up; the error names the primary, which it can."""
    with pytest.raises(ReadReplica) as refused:
        await cases.backups.ask(CreateBackup("orders-replica"), TYPED)

    assert refused.value.primary == "orders-prod"
    assert await cases.trail() == ["ask_refused"]


async def test_a_name_of_two_instances_is_refused(cases: UseCases) -> None:
    """The error names both ids."""
    twin = BILLING.model_copy(update={"name": "orders-prod"})
    cases.catalogue.instances = [ORDERS, twin]
    with pytest.raises(AmbiguousInstance) as refused:
        await cases.backups.ask(UNNAMED, TYPED)

    assert set(refused.value.instance_ids) == {ORDERS.id, twin.id}


async def test_a_slow_rds_refuses_no_one(cases: UseCases) -> None:
    """The request is stored with what was typed; the workflow looks the instance up later."""
    cases.catalogue.trouble = RdsUnreachable("slow")

    request = await cases.backups.ask(UNNAMED, TYPED)

    assert (request.instance, request.reference) == (None, "orders-prod")
    assert request.name == "orders-prod-20261123-1400"
    assert cases.engine.started == [request.id]


async def test_rejected_access_keys_are_told_at_once(cases: UseCases) -> None:
    """No request could succeed."""
    cases.catalogue.trouble = RdsRefused(RefusalReason.CREDENTIALS, "APIGW.0301")
    with pytest.raises(RdsRefused):
        await cases.backups.ask(CREATE, TYPED)

    assert await cases.all_requests() == []
    assert await cases.trail() == ["ask_refused"]


async def test_without_a_database_nothing_is_started(cases: UseCases) -> None:
    """Who asks hears that nothing was saved."""
    cases.lose_database()
    with pytest.raises(StoreUnavailable):
        await cases.backups.ask(CREATE, TYPED)

    assert cases.engine.started == []


async def test_without_a_database_a_typo_is_still_a_typo(cases: UseCases) -> None:
    """That the refusal can't be noted on the trail hides nothing from who typed it."""
    cases.lose_database()
    with pytest.raises(UnknownInstance):
        await cases.backups.ask(CreateBackup("nowhere"), TYPED)
