"""The playground: the offline world in a browser, with the real bot in it."""
