"""Incidents of channels that can't be told."""

from datetime import timedelta

import pytest

from bot.application.ports import Change
from bot.domain.incidents import Ending, Incident, IncidentKind
from bot.domain.owed_by_incidents import owed_by_incident
from bot.storage.incidents import Incidents
from tests.outbox.conftest import ANA, OPS, Ground

POST = "chat.postMessage"


@pytest.mark.parametrize(("owner", "calls"), [("", 1), (ANA, 3)])
async def test_a_channel_that_is_archived_is_told_nothing(
    ground: Ground, owner: str, calls: int
) -> None:
    """Who made the watch is told of the incident instead; of the file's, no one is known."""
    ground.workspace.channels[OPS].is_archived = True
    incidents, now = Incidents(ground.store), ground.clock.now()
    new = Incident(
        id="i1",
        channel_id=OPS,
        instance_id="in1",
        instance_name="orders-prod",
        kind=IncidentKind.STALE,
        topic="backup",
        owner=owner,
        opened_at=now,
        noticed_at=now,
    )
    ground.starts()
    await incidents.save([Change(None, new, owed_by_incident(None, new, now))])
    await ground.settles()
    over = new.ended(now + timedelta(hours=1), Ending.RECOVERED)
    await incidents.save([Change(new, over, owed_by_incident(new, over, now))])
    await ground.settles()

    assert ground.calls(POST) == calls
    if owner:
        assert "orders-prod" in ground.said_to(owner)
