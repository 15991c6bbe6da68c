"""Who belongs to the workspaces that the bot serves, and what one sees of another."""

import pytest

from bot.domain.workspaces import Sender, Workspaces

HQ, LAB, ACME = "T0HQ", "T0LAB", "E0ACME"
ALONE = Workspaces(own=HQ)
OF_ACME = Workspaces(own=HQ, organization=ACME)
WITH_LAB = Workspaces(own=HQ, organization=ACME, named=frozenset({LAB}))
ORG_WIDE = Workspaces(organization=ACME, added=frozenset({HQ, LAB}))
ONLY_LAB = Workspaces(organization=ACME, added=frozenset({HQ, LAB}), named=frozenset({LAB}))


@pytest.mark.parametrize(
    ("workspaces", "sender"),
    [
        (ALONE, Sender(HQ)),
        (OF_ACME, Sender(HQ)),
        (OF_ACME, Sender(HQ, ACME)),
        (WITH_LAB, Sender(HQ, ACME)),
        (WITH_LAB, Sender(LAB, ACME)),
        (ORG_WIDE, Sender(LAB, ACME)),
        (ORG_WIDE, Sender("", ACME)),
        (ONLY_LAB, Sender(LAB, ACME)),
    ],
)
def test_people_of_a_workspace_that_is_served_are_let_in(
    workspaces: Workspaces, sender: Sender
) -> None:
    assert workspaces.admits(sender)


@pytest.mark.parametrize("workspaces", [ALONE, OF_ACME, WITH_LAB, ORG_WIDE, ONLY_LAB])
@pytest.mark.parametrize(
    "sender",
    [
        Sender(""),
        Sender("T0OTHER"),
        Sender("T0OTHER", "E0OTHER"),
        Sender("T0OTHER", ACME),  # as where the organization is the app's, not the person's
        Sender("", "E0OTHER"),
        Sender(HQ, "E0OTHER"),  # from outside, in a channel of ours
        Sender(LAB, "E0OTHER"),
        Sender(LAB),
    ],
)
def test_strangers_are_not(workspaces: Workspaces, sender: Sender) -> None:
    """Also where Slack leaves out something that would tell them apart."""
    assert not workspaces.admits(sender)


@pytest.mark.parametrize(
    ("workspaces", "sender"),
    [
        (Workspaces(), Sender("")),
        (Workspaces(), Sender(HQ)),
        (Workspaces(own=HQ, named=frozenset({LAB})), Sender(LAB)),
        (OF_ACME, Sender(LAB, ACME)),
        (OF_ACME, Sender("", ACME)),
        (WITH_LAB, Sender("", ACME)),
        (ONLY_LAB, Sender(HQ, ACME)),
        (ONLY_LAB, Sender("", ACME)),
        (Workspaces(organization=ACME), Sender(HQ, ACME)),
    ],
    ids=[
        "before Slack has said who the bot is",
        "the same, with a workspace",
        "named, but in no organization",
        "a sister that is not named",
        "somewhere in the organization",
        "somewhere in it, where one is named",
        "a workspace that is not named",
        "perhaps in one that is named",
        "the app was added to no workspace",
    ],
)
def test_neither_is_anyone_who_cannot_be_shown_to_belong(
    workspaces: Workspaces, sender: Sender
) -> None:
    assert not workspaces.admits(sender)


def test_a_card_is_open_to_all_who_are_served() -> None:
    """But not one of a workspace that is no longer served."""
    assert WITH_LAB.lets_act(Sender(LAB, ACME), HQ)
    assert not WITH_LAB.lets_act(Sender(HQ, ACME), "T0PAST")
    assert not WITH_LAB.lets_act(Sender("T0OTHER", "E0OTHER"), HQ)


def test_a_workspace_sees_its_own_requests_unless_they_are_shared() -> None:
    shared = Workspaces(own=HQ, organization=ACME, named=frozenset({LAB}), share=True)

    assert set(WITH_LAB.seen_from(LAB)) == {LAB}
    assert set(shared.seen_from(LAB)) == {HQ, LAB}
