"""Huawei's own client against the simulated region: what it understands, RDS may have said."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any, NamedTuple

import pytest

from bot.demo.rds.api import RdsServer
from bot.demo.rds.records import Ending, RdsInstance
from bot.demo.rds.region import Region
from bot.runtime.clock import Clock


class Sdk(NamedTuple):
    """The parts of the SDK that are used here: it takes half a second to import."""

    client: Any
    model: Any
    errors: Any

    async def call(self, method: str, request: Any) -> Any:
        """Make a call; the SDK blocks."""
        return await asyncio.to_thread(getattr(self.client, method), request)

    async def refusal(self, method: str, request: Any) -> tuple[int, str]:
        """The status and code of a call that is refused."""
        with pytest.raises(self.errors.ServiceResponseException) as raised:
            await self.call(method, request)
        assert raised.value.request_id
        return raised.value.status_code, raised.value.error_code


@pytest.fixture
def region() -> Region:
    """A region in real time: the SDK signs with the system's clock."""
    return Region(Clock(), calls_per_minute=None)


@pytest.fixture
def orders(region: Region) -> RdsInstance:
    return region.add_instance("orders-prod", backup_takes=timedelta(minutes=7))


@pytest.fixture
async def connect(region: Region) -> AsyncIterator[Callable[..., Sdk]]:
    """Connect with the region's keys, or with a wrong one."""
    from huaweicloudsdkcore.auth.credentials import BasicCredentials  # noqa: PLC0415 - slow
    from huaweicloudsdkcore.exceptions import exceptions  # noqa: PLC0415 - slow
    from huaweicloudsdkrds import v3  # noqa: PLC0415 - slow

    keys = region.gateway
    async with RdsServer(region) as server:

        def connected(secret_key: str = keys.secret_key) -> Sdk:
            credentials = BasicCredentials(keys.access_key, secret_key, keys.project_id)
            builder = v3.RdsClient.new_builder().with_credentials(credentials)
            return Sdk(builder.with_endpoints([server.endpoint]).build(), v3, exceptions)

        yield connected


def create(sdk: Sdk, instance_id: str, name: str) -> Any:
    """A request to create a backup."""
    body = sdk.model.CreateManualBackupRequestBody(
        instance_id=instance_id, name=name, description="before the migration"
    )
    return sdk.model.CreateManualBackupRequest(body=body)


async def test_it_makes_lists_and_deletes_a_backup(
    region: Region, orders: RdsInstance, connect: Callable[..., Sdk]
) -> None:
    """Every key that it knows is there, in its type."""
    sdk = connect()
    made = (await sdk.call("create_manual_backup", create(sdk, orders.id, "before-42"))).backup
    region.end_backup(region.backups[0])
    query = sdk.model.ListBackupsRequest(instance_id=orders.id, backup_type="manual")
    listed = await sdk.call("list_backups", query)
    await sdk.call("delete_manual_backup", sdk.model.DeleteManualBackupRequest(backup_id=made.id))

    assert (made.name, made.status, made.type) == ("before-42", "BUILDING", "manual")
    assert made.instance_id == orders.id
    [backup] = listed.backups
    assert listed.total_count == 1
    assert (backup.id, backup.status, backup.size) == (made.id, "COMPLETED", 40_000_000)
    assert backup.begin_time.endswith("+0800")
    assert (backup.datastore.type, backup.datastore.version) == ("MySQL", "8.0")
    assert region.backups[0].status == "DELETING"


async def test_it_lists_instances_and_their_replicas(
    region: Region, orders: RdsInstance, connect: Callable[..., Sdk]
) -> None:
    """By page and by name."""
    region.add_instance("orders-read", replica_of=orders)
    sdk = connect()
    both = await sdk.call("list_instances", sdk.model.ListInstancesRequest())
    one = await sdk.call("list_instances", sdk.model.ListInstancesRequest(offset=1, limit=1))
    named = await sdk.call("list_instances", sdk.model.ListInstancesRequest(name="orders-prod"))

    assert [found.name for found in both.instances] == ["orders-prod", "orders-read"]
    [replica] = one.instances
    assert (replica.type, replica.related_instance[0].type) == ("Replica", "replica_of")
    assert (one.total_count, named.total_count) == (2, 1)
    assert named.instances[0].status == "ACTIVE"


async def test_it_reads_how_much_space_backups_take(
    region: Region, orders: RdsInstance, connect: Callable[..., Sdk]
) -> None:
    """In MB; what is still being made takes none, and neither does what was deleted."""
    billing = region.add_instance("billing-prod", engine="PostgreSQL", version="16")
    for instance, size_kb in ((orders, 2048), (orders, 1024), (billing, 512)):
        region.add_backup(instance, f"nightly-{size_kb}", takes=timedelta(), size_kb=size_kb)
    region.next_backup(Ending.COMPLETED, timedelta(minutes=7))
    sdk = connect()
    await sdk.call("create_manual_backup", create(sdk, orders.id, "before-42"))
    every = await sdk.call("show_backup_usage", sdk.model.ShowBackupUsageRequest())
    one = await sdk.call("show_backup_usage", sdk.model.ShowBackupUsageRequest(engine="MySQL"))

    assert (every.backup_use_space, every.db_use_space) == (3.5, 3.5)
    assert (one.backup_use_space, one.offsite_use_space) == (3.0, 0.0)


async def test_it_understands_each_refusal(
    region: Region, orders: RdsInstance, connect: Callable[..., Sdk]
) -> None:
    """Code, status and request id, from RDS and from its gateway."""
    sdk = connect()
    nightly = region.add_backup(orders, "nightly-1", takes=timedelta())
    model = sdk.model
    await sdk.call("create_manual_backup", create(sdk, orders.id, "before-42"))
    running = region.backups[-1]
    gone = "0" * 32
    refusals = [
        await sdk.refusal("create_manual_backup", create(sdk, orders.id, "before-42")),
        await sdk.refusal("create_manual_backup", create(sdk, orders.id, "before-43")),
        await sdk.refusal("create_manual_backup", create(sdk, f"{gone}in01", "before-44")),
        await sdk.refusal("list_backups", model.ListBackupsRequest(instance_id=f"{gone}in01")),
        *[
            await sdk.refusal(
                "delete_manual_backup", model.DeleteManualBackupRequest(backup_id=backup_id)
            )
            for backup_id in (running.id, nightly.id, f"{gone}br01")
        ],
    ]

    assert refusals == [
        (409, "DBS.201201"),
        (409, "DBS.201205"),
        (404, "DBS.200002"),
        (404, "DBS.200002"),
        (400, "DBS.201208"),
        (400, "DBS.200001"),
        (404, "DBS.201010"),
    ]


async def test_it_understands_the_gateway(
    region: Region, orders: RdsInstance, connect: Callable[..., Sdk]
) -> None:
    """A wrong key, and a right one for another project."""
    listing = connect().model.ListInstancesRequest()
    wrong = await connect("wrong").refusal("list_instances", listing)
    sdk = connect()
    region.gateway.project_id = "0" * 32
    elsewhere = await sdk.refusal("list_instances", listing)

    assert orders in region.instances
    assert wrong == (401, "APIGW.0301")
    assert elsewhere == (403, "APIGW.0302")


async def test_it_shows_a_policy_and_restore_times(
    region: Region, orders: RdsInstance, connect: Callable[..., Sdk]
) -> None:
    """Of an instance with a backup of last night."""
    sdk = connect()
    last_night = region.clock.now() - timedelta(hours=9)
    nightly = region.add_backup(orders, "nightly-1", began=last_night)
    region.automate(orders, keep_days=3, days=(1, 7))
    query = sdk.model.ShowBackupPolicyRequest(instance_id=orders.id)
    policy = (await sdk.call("show_backup_policy", query)).backup_policy
    query = sdk.model.ListRestoreTimesRequest(instance_id=orders.id)
    [window] = (await sdk.call("list_restore_times", query)).restore_time

    assert (policy.keep_days, policy.start_time, policy.period) == (3, "19:00-20:00", "1,7")
    assert window.start_time == round(nightly.ended.timestamp() * 1000)
    assert window.end_time > window.start_time
