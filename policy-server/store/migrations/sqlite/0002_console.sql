-- Accounts of the console. The name that `init` wrote becomes the first one.
-- `handle` is what a passkey knows the account by; random, so that a passkey tells nothing of its owner.
-- `team` is the group a role is limited to; NULL reaches the whole organisation.
ALTER TABLE admin ADD COLUMN role TEXT NOT NULL DEFAULT 'admin';
ALTER TABLE admin ADD COLUMN team TEXT;
ALTER TABLE admin ADD COLUMN handle BLOB;
ALTER TABLE admin ADD COLUMN disabled_at INTEGER;
CREATE UNIQUE INDEX admin_handle ON admin (handle);

-- `public_key` is the COSE key as the authenticator gave it. Rows stay for the audit's sake while their account does.
CREATE TABLE admin_passkey (
    id         BLOB PRIMARY KEY,
    admin      TEXT NOT NULL REFERENCES admin (name),
    label      TEXT NOT NULL,
    public_key BLOB NOT NULL,
    counter    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT;
CREATE INDEX admin_passkey_of ON admin_passkey (admin);

-- `tag` is an HMAC of the cookie, never the cookie; `id` is what a page names the session by.
CREATE TABLE admin_session (
    tag        BLOB PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    admin      TEXT NOT NULL REFERENCES admin (name),
    how        TEXT NOT NULL,
    address    TEXT NOT NULL,
    agent      TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    ends_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX admin_session_of ON admin_session (admin);

-- One-time links with which an account makes a passkey. `tag` is an HMAC of the code, never the code.
CREATE TABLE admin_link (
    tag        BLOB PRIMARY KEY,
    admin      TEXT NOT NULL REFERENCES admin (name),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT;
