"""What a user changed is found without looking at every change."""

from callboard.kernel.db.revisions import run_sql_file

revision = "0005_history_by_user"
down_revision = "0004_personal"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file(__file__)
