"""The durable life of a request, one workflow each."""
