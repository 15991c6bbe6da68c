"""The Slack CLI's doctor hook: the versions that matter when something doesn't work."""

import json
import platform
import sys
from importlib.metadata import version

VERSIONS = {
    "python": platform.python_version(),
    **{name: version(name) for name in ("backup-bot", "slack-bolt", "slack-sdk", "dbos")},
}

found = [{"name": name, "current": current} for name, current in VERSIONS.items()]
json.dump({"versions": found}, sys.stdout)
