"""What has drifted is worked out by a job, and kept."""

from callboard.kernel.db.revisions import run_sql_file

revision = "0002_drift"
down_revision = "0001_importing"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file(__file__)
