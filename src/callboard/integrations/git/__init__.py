"""Git repositories without a host's API: on this machine, or at any HTTP(S) remote."""
