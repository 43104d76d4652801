"""Sources that a feature writes by itself stay, although no provider runs them."""

from callboard.kernel.db.revisions import run_sql_file

revision = "0003_held_sources"
down_revision = "0002_push_lookup"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file(__file__)
