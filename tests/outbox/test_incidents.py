"""Incidents of channels that can't be told."""

from datetime import timedelta

import pytest

from bot.application.ports import Change
from bot.domain.digests import Digest, digest_of
from bot.domain.incidents import Ending, Incident, IncidentKind
from bot.domain.owed_by_incidents import owed_by_incident
from bot.domain.watches import Limits
from bot.storage.digests import Digests
from bot.storage.incidents import Incidents
from tests.domain.observed import DAY, HOUR, NOON, USUAL_KB, backup, observed
from tests.outbox.conftest import ANA, OPS, Ground

POST = "chat.postMessage"


@pytest.mark.parametrize("is_drawn", [True, False])
async def test_a_digest_loses_only_its_chart_where_slack_draws_none(
    ground: Ground, *, is_drawn: bool
) -> None:
    """The numbers are in the text either way."""
    if not is_drawn:
        ground.workspace.history.unsupported.add("data_visualization")
    grown = [backup(NOON - HOUR - n * DAY, size_kb=USUAL_KB * (10 - n)) for n in range(8)]
    due = Digest(id="d1", channel_id=OPS, due_at=NOON, made_at=NOON)
    digest = digest_of(due, [(observed(grown, NOON), Limits())], [], NOON - DAY)
    ground.starts()
    await Digests(ground.store).save(digest)
    await ground.settles()

    (message,) = ground.posts
    types = [block["type"] for block in message.blocks]
    assert types == ["section", "data_visualization"][: 1 + is_drawn]
    assert "orders-prod: last backup 60 min ago · 40 GB (+233% in 8 backups)" in message.text


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
