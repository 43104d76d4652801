-- 1: a feature writes this source by itself and nobody could give its entities again; it stays when no provider has its name.
ALTER TABLE catalog_source ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
