"""Tasks: made, run, watched, cut off, taken over and forgotten. See docs/explanation/life-of-a-task.md."""
