"""What people keep of the catalog for themselves: saved views, and where they have been."""

from callboard.kernel.db.revisions import run_sql_file

revision = "0004_personal"
down_revision = "0003_held_sources"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file(__file__)
