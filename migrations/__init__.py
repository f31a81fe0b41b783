"""Alembic's migrations; ``layers.migrate`` runs them."""
