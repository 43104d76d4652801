"""Where trees come from: folders of this machine, repositories behind the catalog's readers, organisations of hosts."""
