"""Bitbucket Cloud and Bitbucket Server (Data Center): reading files by their URLs."""
