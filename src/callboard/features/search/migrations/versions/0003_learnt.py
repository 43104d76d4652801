"""What documents teach about words that mean the same."""

from callboard.kernel.db.revisions import run_sql_file

revision = "0003_learnt"
down_revision = "0002_history"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file(__file__)
