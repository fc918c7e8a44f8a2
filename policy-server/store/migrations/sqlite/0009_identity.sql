-- Who of an identity provider may sign in as which account. `subject` is the provider's own word for a person; nothing
-- that a person can change, such as an e-mail address, is kept or looked at.
CREATE TABLE admin_identity (
    issuer    TEXT NOT NULL,
    subject   TEXT NOT NULL,
    admin     TEXT NOT NULL REFERENCES admin (name),
    linked_by TEXT NOT NULL,
    linked_at INTEGER NOT NULL,
    used_at   INTEGER,
    PRIMARY KEY (issuer, subject)
) STRICT;
