"""What templates made, and the versions that they had."""

from callboard.kernel.db.revisions import run_sql_file

revision = "0002_updates"
down_revision = "0001_tasks"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file(__file__)
