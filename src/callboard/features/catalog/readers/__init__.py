"""Where descriptors come from: files on disk, plain HTTP(S), and the URL readers that plugins bring.

``host.UrlReaders`` asks the readers in order; ``files.FileReader`` reads ``file`` locations; ``http.HttpReader`` reads URLs that the
settings allow. Readers of source hosts live in ``callboard.integrations``. No tables. Docs: ``docs/explanation``, "life of an entity".
"""
