"""Runs the migrations on the connection that `uploads.records.migrate` hands over."""

from __future__ import annotations

from alembic import context

from uploads.records.tables import metadata

# Who runs them is told which came to their end.
done = context.config.attributes.get("done", [])
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
    on_version_apply=lambda step, **_: done.append(step.up_revision_id),
)
with context.begin_transaction():
    context.run_migrations()
