"""Answer `posture`: how well instances are protected."""

from collections.abc import Sequence
from datetime import datetime

from bot.domain.posture import Check, Control, Posture, Verdict
from bot.domain.quantities import counted
from bot.slack.messages.listing import MESSAGE_ROOM, fitting, listing
from bot.slack.messages.mrkdwn import Message, code, date, name, rough

MARKS = {
    Verdict.PASS: ":white_check_mark: Pass",
    Verdict.FAIL: ":x: Fail",
    Verdict.UNKNOWN: ":grey_question: Unknown",
}
MOST_SHOWN = 40


def posture_message(posture: Posture, now: datetime, command: str) -> Message:
    """Show every control of one instance, those that fail first."""
    failing, unknown = posture.count(Verdict.FAIL), posture.count(Verdict.UNKNOWN)
    passed = f"{posture.count(Verdict.PASS)} of {len(posture.checks)} controls pass"
    rest = [f"{failing} fail" if failing else "", f"{unknown} unknown" if unknown else ""]
    counts = ", ".join(filter(None, (passed, *rest)))
    read = f" Backups as of {date(posture.read_at)}." if posture.read_at else ""
    lines = [f"*Protection of {name(posture.instance_name)}*: {counts}.{read}"]
    order = list(Verdict)
    checks = sorted(posture.checks, key=lambda check: order.index(check.verdict))
    lines += [
        f"{MARKS[check.verdict]} · {_says(check, now, posture.instance_name, command)}"
        for check in checks
    ]
    return listing(lines)


def postures_message(postures: Sequence[Posture], command: str) -> Message:
    """List all watched instances of a channel, the worst first."""
    if not postures:
        watch = code(f"{command} watch <instance>")
        one = code(f"{command} posture <instance>")
        return listing(
            [f"This channel watches no instances. To start: {watch}. {one} checks one."]
        )
    lines = [f"*Protection of {counted(len(postures), 'watched instance')}*, worst first"]
    lines += [f"• {posture_summary(posture)}" for posture in postures[:MOST_SHOWN]]
    if len(postures) > MOST_SHOWN:
        lines.append(f"… and {counted(len(postures) - MOST_SHOWN, 'more instance')}.")
    return listing(fitting(lines, MESSAGE_ROOM))


def posture_summary(posture: Posture) -> str:
    """Return how many controls pass, and which fail."""
    failing = [SHORT[c.control] for c in posture.checks if c.verdict is Verdict.FAIL]
    passed = f"{posture.count(Verdict.PASS)} of {len(posture.checks)} pass"
    why = f" · {', '.join(failing)}" if failing else ""
    return f"*{name(posture.instance_name)}*: {passed}{why}"


SHORT = {
    Control.AUTOMATED: "automated backups are off",
    Control.FRESH: "no recent backup",
    Control.RECOVERY: "point-in-time recovery is behind",
    Control.NO_FAILURES: "failures this week",
    Control.KEPT: "kept for under 7 days",
    Control.WATCHED: "not watched",
    Control.GUARDED: "deleting needs no approval",
    Control.OWNED: "no owner channel",
    Control.OLD_MANUAL: "old manual backups",
    Control.OFFSITE: "no copy in another region",
}


UNKNOWN = {
    Control.AUTOMATED: "I couldn't check whether automated backups are on.",
    Control.NO_FAILURES: "I couldn't check whether backups failed this week.",
    Control.KEPT: "I couldn't check how long automated backups are kept.",
    Control.OLD_MANUAL: "I couldn't check for old manual backups.",
}


def _says(check: Check, now: datetime, instance: str, command: str) -> str:
    """Return what a control found, and what to do if it doesn't pass."""
    if check.control is Control.FRESH:
        return _fresh(check, now, f"{command} create {instance}")
    if check.control is Control.RECOVERY:
        return _recovery(check, now)
    if check.control is Control.OFFSITE:
        return _offsite(check)
    if check.verdict is Verdict.UNKNOWN:
        return UNKNOWN.get(check.control, "I couldn't check this.")
    passed, failed = _words(check, instance, command)[check.control]
    return passed if check.verdict is Verdict.PASS else failed


def _words(check: Check, instance: str, command: str) -> dict[Control, tuple[str, str]]:
    """Return each control's words if it passes, and if it fails."""
    number = check.value if isinstance(check.value, int) else 0
    see = f"See {code(f'{command} list {instance}')}."
    see_all = f"See {code(f'{command} list {instance} --all')}."
    kept = f"Automated backups are kept for {counted(number, 'day')}."
    return {
        Control.AUTOMATED: (
            "Automated backups are on.",
            "Automated backups are off. Turn them on in the RDS console.",
        ),
        Control.KEPT: (kept, f"{kept} Keep them for at least 7 in the RDS console."),
        Control.NO_FAILURES: (
            "No backup failed this week.",
            f"{counted(number, 'backup')} failed this week. {see_all}",
        ),
        Control.OLD_MANUAL: (
            "No manual backup is older than 90 days.",
            f"{counted(number, 'manual backup')} older than 90 days. {see}",
        ),
        Control.WATCHED: (
            "A channel watches it.",
            f"No channel watches it. To watch it here: {code(f'{command} watch {instance}')}",
        ),
        Control.GUARDED: (
            f"Deleting a backup here needs {counted(number, 'approval')}.",
            "Deleting a backup here needs no approval. Set `approvals` in the policy.",
        ),
        Control.OWNED: (
            "Its policy names a channel.",
            "Its policy names no channel. Set `channel` in its rule.",
        ),
    }


def _fresh(check: Check, now: datetime, create: str) -> str:
    to_back_up = f"To back it up now: {code(create)}"
    if check.verdict is Verdict.UNKNOWN:
        return "I haven't checked its backups yet."
    if not isinstance(check.value, datetime):
        return f"There is no successful backup. {to_back_up}"
    ago = f"The last successful backup is {rough(now - check.value)} old"
    return f"{ago}." if check.verdict is Verdict.PASS else f"{ago}, over the limit. {to_back_up}"


def _offsite(check: Check) -> str:
    match check.verdict:
        case Verdict.PASS:
            return f"Full backups are copied to {name(str(check.value))}."
        case Verdict.FAIL:
            return "Backups aren't copied to another region. Set that up in the RDS console."
        case _:
            return (
                "I don't know whether backups are copied to another region. Check the RDS console."
            )


def _recovery(check: Check, now: datetime) -> str:
    if not isinstance(check.value, datetime):
        return "I couldn't check point-in-time recovery."
    ago = f"{rough(now - check.value)} ago"
    if check.verdict is Verdict.FAIL:
        return f"It can be restored only up to {ago}. Check the log backups in the RDS console."
    return f"It can be restored to any point in time up to {ago}."
