"""What any portal needs and no feature's noun: errors, settings, database, jobs, events, identity, permission, web."""
