"""One durable workflow a request: what happens by itself after somebody asked."""
