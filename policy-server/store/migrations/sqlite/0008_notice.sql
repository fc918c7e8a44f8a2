-- What admins tell people on the portal. `team`: NULL is the whole organisation.
CREATE TABLE notice (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    team       TEXT,
    ja         TEXT NOT NULL,
    en         TEXT NOT NULL,
    until      INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
