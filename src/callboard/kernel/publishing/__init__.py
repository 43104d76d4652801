"""What all actions that publish to source hosts share: settings, the way through git, the files, the schemas of their fields."""

from callboard.kernel.publishing.files import PublishedFile, read_files
from callboard.kernel.publishing.pushing import GitPusher, Push, Pushed, require_pusher
from callboard.kernel.publishing.settings import Author, PublishDefaults
from callboard.kernel.publishing.steps import once, repo_url_of, source_folder

__all__ = [
    "Author",
    "GitPusher",
    "PublishDefaults",
    "PublishedFile",
    "Push",
    "Pushed",
    "once",
    "read_files",
    "repo_url_of",
    "require_pusher",
    "source_folder",
]
