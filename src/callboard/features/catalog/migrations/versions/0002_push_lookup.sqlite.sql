-- A push names a repository, in any case; what was read from there is found by how its URLs begin.
CREATE INDEX catalog_file_location_lower ON catalog_file (lower(location));
CREATE INDEX catalog_read_url_lower ON catalog_read (lower(url));
