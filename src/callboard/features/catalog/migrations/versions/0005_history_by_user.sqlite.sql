-- What a user changed is shown on their page. Most changes are made by sources, so only those of users are held.
CREATE INDEX catalog_history_user ON catalog_history (actor, id) WHERE actor LIKE 'user:%';
