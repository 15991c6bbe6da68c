"""A simulated Slack workspace: the Web API, Socket Mode and signed requests, with its limits."""
