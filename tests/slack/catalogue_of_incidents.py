"""Incidents, digests, watches, and how well instances are protected."""

from collections.abc import Callable, Iterator

from bot.application.incident_clicks import IncidentAnswer, IncidentVerdict
from bot.application.watches import WatchAdded, WatchesView, WatchRemoved, WatchTest
from bot.domain.digests import Digest, digest_of
from bot.domain.incident_lines import IncidentLine
from bot.domain.incidents import Ending, Facts, Finding, Incident, IncidentKind
from bot.domain.instances import Instance
from bot.domain.policy import Terms
from bot.domain.posture import posture_of
from bot.domain.requests import BackupRequest
from bot.domain.states import RequestState
from bot.domain.successes import Success, SuccessDay, latest_first
from bot.domain.watches import Limits, Watch
from bot.slack.messages.digests import digest_message
from bot.slack.messages.incident_answers import incident_answer, snooze_view
from bot.slack.messages.incidents import incident_message, incident_reply
from bot.slack.messages.mrkdwn import Message
from bot.slack.messages.postures import posture_message, postures_message
from bot.slack.messages.successes import success_reply, successes_message
from bot.slack.messages.watches import watch_added, watch_removed, watch_test, watches_message
from tests.domain.observed import (
    BUILDING,
    DAY,
    FAILED,
    HOUR,
    MINUTE,
    NOON,
    USUAL_KB,
    backup,
    nightly,
    observed,
)
from tests.requests import asked

K = IncidentKind
COMMAND = "/backup"
LAST_GOOD = backup(NOON - 28 * HOUR)
USUALLY = {"usual_size_kb": USUAL_KB, "usual": 7 * MINUTE, "runs": 10}
SHRUNK = backup(NOON - 127 * MINUTE, size_kb=int(1.8 * 2**20))
FACTS = {
    K.FAILED: Facts(
        backup=backup(NOON - 172 * MINUTE, FAILED),
        last_good=backup(NOON - 25 * HOUR),
        failures=1,
        retries=True,
        limit=26 * HOUR,
    ),
    K.STALE: Facts(last_good=LAST_GOOD, limit=26 * HOUR),
    K.GAP: Facts(recoverable_until=NOON - 5 * HOUR, limit=3 * HOUR),
    K.HUNG: Facts(backup=backup(NOON - 8 * HOUR, BUILDING), limit=6 * HOUR, usual=7 * MINUTE),
    K.UNUSUAL_SIZE: Facts(backup=SHRUNK, **USUALLY),
    K.UNUSUAL_DURATION: Facts(backup=backup(NOON - 160 * MINUTE, took=40 * MINUTE), **USUALLY),
    K.POLICY_OFF: Facts(keep_days=0, kept_days=7, last_good=LAST_GOOD),
    K.KEPT_SHORTER: Facts(keep_days=3, kept_days=7),
    K.DELETED: Facts(backup=backup(NOON - 9 * DAY, type="manual")),
    K.GONE: Facts(remaining=3),
    K.REFUSED: Facts(code="APIGW.0301", watched=15),
    K.UNREAD: Facts(instances=("orders-prod", "users-prod"), watched=15, code="HTTP 503"),
}
OF_ALL = {K.REFUSED, K.UNREAD}


OLD = [backup(NOON - 100 * DAY, type="manual", id="m1"), backup(NOON - 2 * HOUR, FAILED)]
BAD = observed(OLD, NOON, keep_days=0, recoverable_until=NOON - 30 * HOUR, copies_to="")
WORST = posture_of(BAD, Limits(), Terms(approvals=0), NOON, is_watched=False)


def incident(kind: IncidentKind, facts: Facts | None = None) -> Incident:
    """An open incident."""
    return Incident(
        id="i1",
        channel_id="C0OPS",
        instance_id="" if kind in OF_ALL else "in1",
        instance_name="" if kind in OF_ALL else "orders-prod",
        kind=kind,
        topic=kind.value,
        facts=facts or FACTS[kind],
        opened_at=NOON - 2 * HOUR,
        noticed_at=NOON - 2 * HOUR,
    )


def incidents() -> Iterator[tuple[str, Message]]:
    for kind in K:
        yield f"{kind}", incident_message(incident(kind), now=NOON)
    thrice = FACTS[K.FAILED].model_copy(update={"failures": 3})
    yield "failed three times", incident_message(incident(K.FAILED, thrice), now=NOON)
    late = thrice.model_copy(update={"is_late": True, "last_good": LAST_GOOD})
    yield "stale, because backups fail", incident_message(incident(K.STALE, late), now=NOON)
    never = Facts(limit=26 * HOUR)
    yield "stale, never backed up", incident_message(incident(K.STALE, never), now=NOON)
    deleted = [backup(NOON - night * DAY, type="manual") for night in range(10)]
    many = {"deleted": tuple(deleted), "deletions": 300, "deleted_kb": 300 * USUAL_KB}
    yield "many deleted at once", incident_message(incident(K.DELETED, Facts(**many)), now=NOON)
    learning = FACTS[K.UNUSUAL_SIZE].model_copy(update={"runs": 4})
    yield "unusual size, learning", incident_message(incident(K.UNUSUAL_SIZE, learning), now=NOON)
    called = incident(K.STALE).model_copy(update={"mention": ("S0DBA",), "times": 2})
    yield "with a mention, after it came back", incident_message(called, now=NOON)
    yield "acknowledged", incident_message(called.acknowledged("U0ANA", NOON), now=NOON)
    flapping = incident(K.GAP).model_copy(update={"times": 4, "flapping_since": NOON - 20 * HOUR})
    yield "flapping", incident_message(flapping, now=NOON)
    yield "flapping, fine for now", incident_message(flapping.calm(NOON - HOUR), now=NOON)
    asleep = called.snoozed("U0BEN", NOON + 4 * HOUR)
    yield "snoozed", incident_message(asleep, now=NOON)


def ended() -> Iterator[tuple[str, Message]]:
    for kind in K:
        over = incident(kind).ended(NOON + 72 * MINUTE, Ending.RECOVERED)
        yield f"{kind}, recovered", incident_message(over, now=NOON)
    saved = Facts(last_good=backup(NOON + 65 * MINUTE))
    backed_up = incident(K.STALE, saved).ended(NOON + 72 * MINUTE, Ending.RECOVERED)
    yield "recovered by a new backup", incident_message(backed_up, now=NOON)
    flapped = incident(K.GAP).model_copy(update={"times": 4, "flapping_since": NOON - 20 * HOUR})
    calm = flapped.ended(NOON, Ending.RECOVERED)
    yield "recovered after it had flapped", incident_message(calm, now=NOON)
    for kind in (K.DELETED, K.GONE, K.KEPT_SHORTER):
        known = incident(kind).acknowledged("U0ANA", NOON)
        yield f"{kind}, acknowledged", incident_message(known, now=NOON)
    for kind in (K.UNUSUAL_SIZE, K.UNUSUAL_DURATION, K.KEPT_SHORTER):
        normal = incident(kind).ended(NOON, Ending.EXPECTED, "U0ANA")
        yield f"{kind}, expected", incident_message(normal, now=NOON)
    changed = incident(K.KEPT_SHORTER).ended(NOON, Ending.SUPERSEDED)
    yield "kept_shorter, then switched off", incident_message(changed, now=NOON)
    for kind in (K.FAILED, K.UNREAD):
        left = incident(kind).ended(NOON, Ending.UNWATCHED)
        yield f"{kind}, no longer watched", incident_message(left, now=NOON)


def replies() -> Iterator[tuple[str, Message]]:
    is_open = incident(K.STALE).model_copy(update={"times": 2})
    for line in IncidentLine:
        about = is_open
        if line is IncidentLine.ENDED:
            saved = Facts(last_good=backup(NOON + 65 * MINUTE))
            about = incident(K.STALE, saved).ended(NOON + 72 * MINUTE, Ending.RECOVERED)
        yield f"{line}", incident_reply(about, line, now=NOON)
    normal = incident(K.UNUSUAL_SIZE).ended(NOON, Ending.EXPECTED, "U0ANA")
    yield "expected", incident_reply(normal, IncidentLine.ENDED, now=NOON)


def clicks() -> Iterator[tuple[str, Message | dict[str, object]]]:
    stale = incident(K.STALE)
    answers = {
        "acknowledged": stale.acknowledged("U0ANA", NOON),
        "snoozed": stale.snoozed("U0ANA", NOON + 4 * HOUR),
        "expected": incident(K.UNUSUAL_SIZE).ended(NOON, Ending.EXPECTED, "U0ANA"),
        "acknowledged and closed": incident(K.GONE).acknowledged("U0ANA", NOON),
    }
    for title, after in answers.items():
        yield title, incident_answer(IncidentAnswer(IncidentVerdict.DONE, after))
    taken = IncidentAnswer(IncidentVerdict.TAKEN_OVER, answers["acknowledged"], "U0BEN")
    yield "taken over", incident_answer(taken)
    over = stale.ended(NOON, Ending.RECOVERED)
    for verdict in (IncidentVerdict.ALREADY, IncidentVerdict.NOT_POSSIBLE):
        yield verdict, incident_answer(IncidentAnswer(verdict, stale))
    yield "recovered before", incident_answer(IncidentAnswer(IncidentVerdict.ENDED, over))
    yield "unknown", incident_answer(IncidentAnswer(IncidentVerdict.UNKNOWN))
    yield "the form", snooze_view(stale)


ORDERS = Instance(id="in1", name="orders-prod", status="ACTIVE", keep_days=7)
USERS = Instance(id="in2", name="users-prod", status="ACTIVE", keep_days=0)
WATCH = Watch(
    id="w1", channel_id="C0OPS", instances=("orders-*",), created_by="U0ANA", created_at=NOON
)
OF_FILE = Watch(id="file:1", channel_id="C0OPS", instances=("users-prod",), number=1)


def watches() -> Iterator[tuple[str, Message]]:
    one = Watch(id="w2", channel_id="C0OPS", instances=("orders-prod",), created_by="U0ANA")
    yield "watched", watch_added(WatchAdded(one, [ORDERS]), COMMAND)
    yield "a pattern", watch_added(WatchAdded(WATCH, [ORDERS], elsewhere=["C0DB"]), COMMAND)
    yield "nothing matches yet", watch_added(WatchAdded(WATCH, []), COMMAND)
    short = WATCH.model_copy(update={"limits": Limits(fresh_within=12 * HOUR)})
    added = WatchAdded(short, [ORDERS, USERS], ["orders-prod"], ["users-prod"], WATCH)
    yield "changed, with warnings", watch_added(added, COMMAND)
    yield "no longer watched", watch_removed(WatchRemoved("orders-*", [WATCH]), COMMAND)
    in_file = WatchRemoved("users-prod", [], OF_FILE)
    yield "watched by the file", watch_removed(in_file, COMMAND)
    yield "not watched", watch_removed(WatchRemoved("payments", [], others=[WATCH]), COMMAND)
    yield "nothing is watched", watch_removed(WatchRemoved("payments", []), COMMAND)
    yield "none", watches_message(WatchesView([], [], NOON), COMMAND)
    taken = incident(K.STALE).acknowledged("U0ANA", NOON)
    asleep = incident(K.GAP).snoozed("U0BEN", NOON + HOUR)
    calm = incident(K.GAP).model_copy(update={"flapping_since": NOON - DAY}).calm(NOON - HOUR)
    view = WatchesView([(WATCH, 3), (OF_FILE, 1)], [taken, asleep, calm, incident(K.UNREAD)], NOON)
    yield "some, with incidents", watches_message(view, COMMAND)
    yield "some, all well", watches_message(WatchesView([(WATCH, 3)], [], NOON), COMMAND)
    stale = Finding(kind=K.STALE, since=NOON - HOUR)
    found = WatchTest(ORDERS, [(WATCH, [stale]), (OF_FILE, [])], NOON)
    yield "tested", watch_test(found, COMMAND)
    yield "tested, not checked yet", watch_test(WatchTest(ORDERS, [(WATCH, [])], None), COMMAND)
    yield "tested, not watched", watch_test(WatchTest(ORDERS, [], None), COMMAND)


def postures() -> Iterator[tuple[str, Message]]:
    good = observed(
        nightly(8, NOON - 17 * HOUR),
        NOON,
        recoverable_until=NOON - 4 * MINUTE,
        copies_to="ap-southeast-2",
    )
    terms = Terms(channel="C0DB")
    best = posture_of(good, Limits(), terms, NOON, is_watched=True)
    unread = {"read_at": None, "manual_read_at": None, "keep_days": None}
    unknown = observed([], NOON).model_copy(update=unread)
    none = posture_of(unknown, Limits(), terms, NOON, is_watched=True)
    for title, posture in {"good": best, "bad": WORST, "unknown": none}.items():
        yield title, posture_message(posture, NOON, COMMAND)
    yield "of a channel", postures_message([WORST, best], COMMAND)
    yield "of a channel without watches", postures_message([], COMMAND)


def kept_for_a_while(number: int) -> BackupRequest:
    """A completed request whose backup this bot deletes in a few days."""
    return asked(
        number,
        state=RequestState.COMPLETED,
        instance=ORDERS,
        keep=(3 + number) * DAY,
        finished_at=NOON - DAY,
        size_kb=USUAL_KB,
    )


def digests() -> Iterator[tuple[str, Message]]:
    on_time = Digest(id="d1", channel_id="C0OPS", due_at=NOON, made_at=NOON + MINUTE)
    grown = [
        backup(NOON - 17 * HOUR - night * DAY, size_kb=int(USUAL_KB * 1.01 ** (10 - night)))
        for night in range(10)
    ]
    good = observed(grown, NOON - 40 * MINUTE, recoverable_until=NOON - 4 * MINUTE)
    old = [backup(NOON - 100 * DAY, type="manual", id="m1"), backup(NOON - 2 * HOUR, FAILED)]
    bad = observed([*old, LAST_GOOD], NOON - 5 * MINUTE).model_copy(update={"name": "users-prod"})
    well = [(good, Limits())]
    yield "all well", digest_message(digest_of(on_time, well, [], NOON - DAY), command=COMMAND)
    over = incident(K.GAP).ended(NOON, Ending.RECOVERED)
    open_ = incident(K.STALE).model_copy(update={"instance_name": "users-prod"})
    late = on_time.model_copy(update={"made_at": NOON + 5 * HOUR})
    kept = [kept_for_a_while(number) for number in range(8)]
    full = digest_of(late, [*well, (bad, Limits())], [open_, over], NOON - DAY, kept)
    yield "late, with incidents", digest_message(full, command=COMMAND)
    yield "without the chart", digest_message(full, with_chart=False, command=COMMAND)
    yield "nothing watched", digest_message(on_time, command=COMMAND)


def successes() -> Iterator[tuple[str, Message]]:
    night = [
        Success(
            instance_name=one,
            backup=backup(NOON - 9 * HOUR + place * 12 * MINUTE, size_kb=USUAL_KB * (place + 1)),
        )
        for place, one in enumerate(("orders-prod", "payments", "users-prod"))
    ]
    day = SuccessDay(id="s1", channel_id="C0OPS", in_thread=False)
    gathered = day.model_copy(update={"successes": latest_first(night)})
    yield "gathered in the channel", successes_message(gathered)
    made = Success(instance_name="orders-prod", backup=backup(NOON - HOUR, type="manual"))
    mixed = day.model_copy(update={"successes": latest_first([*night, made])})
    yield "one made elsewhere", successes_message(mixed)
    only = day.model_copy(update={"successes": (made,)})
    yield "only a manual one", successes_message(only)
    counting = gathered.model_copy(update={"in_thread": True})
    yield "counted, with replies", successes_message(counting)
    yield "a reply", success_reply(night[0])
    yield "a reply about a manual backup", success_reply(made)
    bare = made.backup.model_copy(update={"size_kb": None, "end_time": None})
    yield "a reply, size and end unknown", success_reply(made.model_copy(update={"backup": bare}))


SCREENS: dict[str, Callable[[], Iterator[tuple[str, object]]]] = {
    "Incidents": incidents,
    "Incidents that are over": ended,
    "Replies to an incident": replies,
    "Clicks on an incident": clicks,
    "Watches": watches,
    "Posture": postures,
    "Digests": digests,
    "Successful backups": successes,
}
