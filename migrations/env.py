"""Run the migrations on the connection that ``layers.migrate`` hands over."""

from alembic import context
from geoalchemy2 import alembic_helpers
from sqlalchemy.engine import Connection

import cases.models  # noqa: F401 (its tables join the metadata)
from layers.config import Settings
from layers.migrate import owned, owner_engine
from layers.models import Base

target_metadata = Base.metadata


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=target_metadata,
        include_object=owned,
        include_schemas=True,
        process_revision_directives=alembic_helpers.writer,
        render_item=alembic_helpers.render_item,
        compare_server_default=False,
    )
    with context.begin_transaction():
        context.run_migrations()


if handed := context.config.attributes.get("connection"):
    _run(handed)
else:
    # Reached by the alembic command itself, which engineers use to add a revision.
    with owner_engine(Settings.from_environment()).connect() as own:
        _run(own)
        own.commit()
