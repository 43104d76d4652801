"""Kinds and fields that are declared in the browser, with their versions."""

from callboard.kernel.db.revisions import run_sql_file

revision = "0006_model"
down_revision = "0005_history_by_user"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file(__file__)
