"""What people lay over the entities of sources, and what they keep out."""

from callboard.kernel.db.revisions import run_sql_file

revision = "0004_overlays"
down_revision = "0003_held_sources"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file(__file__)
