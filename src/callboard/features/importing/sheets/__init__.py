"""Reading files that people keep as sheets: what is in them, where the header is, which rows are data and which are not.

``reading`` is the one entry. A file goes through ``formats`` (what is it, may it be opened), ``delimited`` or ``spreadsheet``
(bytes to a ``grid``), then ``tables`` with ``headers`` and ``rows`` (a grid to tables). Nothing here touches the database, the
network or the disk. Spreadsheets are opened in a process of their own (``opener``) with bounded memory and time: what a
stranger uploads is parsed by native code there, and can end only that process.
"""
