"""Rendering apart from the portal: in processes of its own that are ended when a page takes too long."""
