"""Sites that mkdocs made and somebody published: served as they are, in Backstage's layout, from a folder or a bucket."""
