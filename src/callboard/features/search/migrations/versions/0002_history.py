"""What was searched for, and what was opened then."""

from callboard.kernel.db.revisions import run_sql_file

revision = "0002_history"
down_revision = "0001_search"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file(__file__)
