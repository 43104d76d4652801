"""Lists of entities as files to keep or to edit elsewhere: CSV and XLSX (``tables``), descriptors (``documents``).

How an entity becomes cells, and by which headers an import knows them again, is said in ``columns``. For people: ``docs/how-to/export.md``.
"""
