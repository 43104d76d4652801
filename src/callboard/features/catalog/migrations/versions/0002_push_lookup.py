"""Look-up of what a push touched."""

from callboard.kernel.db.revisions import run_sql_file

revision = "0002_push_lookup"
down_revision = "0001_catalog"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file(__file__)
