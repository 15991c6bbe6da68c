"""The counters and histograms for Prometheus."""

import platform

from prometheus_client import Counter, Histogram, Info

from bot.runtime.version import version

MINUTES = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 28800, 86400)  # as seconds

BUILD = Info("backup_bot_build", "The release that runs, and on which Python.")
BUILD.info({"version": version(), "python": platform.python_version()})
ACK_SECONDS = Histogram(
    "backup_bot_ack_seconds",
    "Time from Slack's envelope to its ack.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3),
)
DECISION_SECONDS = Histogram(
    "backup_bot_decision_seconds",
    "Time from the card to the decision.",
    ["choice"],
    buckets=MINUTES,
)
BACKUP_SECONDS = Histogram(
    "backup_bot_backup_seconds",
    "Time from RDS accepting a backup to its end, as RDS reports it.",
    ["state"],
    buckets=MINUTES,
)
RDS_CALLS = Counter(
    "backup_bot_rds_calls",
    "Calls to RDS by priority and outcome (ok, throttled, unreachable, unknown, refused).",
    ["priority", "outcome", "project"],
)
RDS_ERRORS = Counter(
    "backup_bot_rds_errors",
    "Failed calls to RDS by error code, HTTP status, or what the connection died of.",
    ["code", "project"],
)
DATABASE_ERRORS = Counter(
    "backup_bot_database_errors", "What the database didn't do, by the driver's error.", ["kind"]
)
SLACK_MESSAGES = Counter(
    "backup_bot_slack_messages",
    "Messages and edits by outcome (ok, throttled, refused).",
    ["outcome"],
)
ADOPTIONS = Counter(
    "backup_bot_adoptions", "Backups found by name after a create with an unknown outcome."
)
RECOVERIES = Counter(
    "backup_bot_recoveries", "Requests that a replica took over from one that died."
)
WORKFLOW_ERRORS = Counter(
    "backup_bot_workflow_errors", "Workflows that ended with an error; each request is resumed."
)
RESUMED = Counter(
    "backup_bot_resumed_requests",
    "Unfinished requests found without a running workflow, by the status of their last one.",
    ["status"],
)
LEASES_LOST = Counter(
    "backup_bot_leases_lost", "Times this process lost its lease and joined again."
)
