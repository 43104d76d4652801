"""What readers leave: where they were, whether a page helped; and what checks found."""

from callboard.kernel.db.revisions import run_sql_file

revision = "0002_reading"
down_revision = "0001_techdocs"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file(__file__)
