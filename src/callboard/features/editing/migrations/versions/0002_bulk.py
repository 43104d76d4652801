"""Bulk changes and their items."""

from callboard.kernel.db.revisions import run_sql_file

revision = "0002_bulk"
down_revision = "0001_editing"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file(__file__)
