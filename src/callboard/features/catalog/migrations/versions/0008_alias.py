"""Earlier names of entities stand for them."""

from callboard.kernel.db.revisions import run_sql_file

revision = "0008_alias"
down_revision = "0007_overlays"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file(__file__)
