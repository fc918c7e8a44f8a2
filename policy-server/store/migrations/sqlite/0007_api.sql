-- Programs that use the API, and those that are told of what happens.

-- `hash` is SHA-256 of a random secret of 256 bits. `team`: NULL reaches the organisation. `actions`: NULL = all of the
-- role's, else their names, one a line.
CREATE TABLE api_token (
    id         BLOB PRIMARY KEY,
    hash       BLOB NOT NULL,
    name       TEXT NOT NULL,
    role       TEXT NOT NULL,
    team       TEXT,
    actions    TEXT,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER,
    revoked_at INTEGER
) STRICT;

-- `secret` is sealed under the server's secret. `next_entry`: the audit entry it is told next; entries before it were
-- delivered or are not for it.
CREATE TABLE webhook (
    id            TEXT PRIMARY KEY,
    url           TEXT NOT NULL,
    events        TEXT NOT NULL,
    secret        BLOB NOT NULL,
    private       INTEGER NOT NULL,
    ca            TEXT,
    created_by    TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    next_entry    INTEGER NOT NULL,
    tries         INTEGER NOT NULL,
    next_try      INTEGER NOT NULL,
    last_outcome  TEXT,
    delivered_at  INTEGER,
    suspended_at  INTEGER
) STRICT;
