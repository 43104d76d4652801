"""Synonyms of the portal itself."""

from callboard.kernel.db.revisions import run_sql_file

revision = "0004_synonyms"
down_revision = "0003_learnt"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file(__file__)
