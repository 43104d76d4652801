"""What people lay over the entities of sources, and what they keep out."""

from callboard.kernel.db.revisions import run_sql_file

revision = "0007_overlays"
down_revision = "0006_model"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file(__file__)
