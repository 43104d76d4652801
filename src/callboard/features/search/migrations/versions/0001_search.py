"""The tables of search."""

from callboard.kernel.db.revisions import run_sql_file

revision = "0001_search"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file(__file__)
