"""Approvals that steps wait for."""

from callboard.kernel.db.revisions import run_sql_file

revision = "0003_approvals"
down_revision = "0002_updates"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file(__file__)
