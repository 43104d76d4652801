"""Azure DevOps, cloud and server: reading files by their URLs."""
