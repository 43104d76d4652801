"""Pages of documentation: the library, the reader, what is wrong, and what readers said. Every form posts and works without script."""
