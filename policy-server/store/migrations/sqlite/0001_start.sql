-- Ids are text (UUID), times whole seconds of Unix time, states the stable words of policy-server-core.
-- Every table fits PostgreSQL with BLOB read as BYTEA.

CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;

CREATE TABLE admin (
    name       TEXT PRIMARY KEY,
    created_at INTEGER NOT NULL
) STRICT;

-- `code` is an HMAC under the server's pepper, never the code.
CREATE TABLE invitation (
    id         BLOB PRIMARY KEY,
    code       BLOB NOT NULL,
    person     TEXT NOT NULL,
    team       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('open', 'used', 'locked')),
    wrong      INTEGER NOT NULL,
    device     TEXT
) STRICT;

-- `pin_record` is the sealed server half of OPAQUE; a wipe erases it.
-- `lease_until` and `certificate_until` are the latest ends ever granted to the epoch.
CREATE TABLE device (
    id                TEXT PRIMARY KEY,
    epoch             INTEGER NOT NULL,
    label             TEXT NOT NULL,
    person            TEXT NOT NULL,
    team              TEXT NOT NULL,
    tier              TEXT NOT NULL,
    standing          TEXT NOT NULL,
    tries             INTEGER NOT NULL,
    tries_locked      INTEGER NOT NULL,
    device_key        BLOB NOT NULL,
    tombstone_key     BLOB NOT NULL,
    tombstone_key_id  BLOB NOT NULL,
    pin_record        BLOB,
    lease_serial      INTEGER NOT NULL,
    lease_until       INTEGER,
    certificate_until INTEGER,
    enrolled_at       INTEGER NOT NULL,
    last_contact      INTEGER,
    held_boundary     INTEGER NOT NULL,
    held_policy       INTEGER NOT NULL,
    refused_version   INTEGER,
    refused_reason    TEXT,
    os                TEXT NOT NULL,
    platform          TEXT NOT NULL,
    version           TEXT NOT NULL,
    events            INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX device_label ON device (label);
CREATE INDEX device_team ON device (team);
CREATE UNIQUE INDEX device_tombstone ON device (tombstone_key_id);

-- The outbox. Rows stay for ever: what was ordered is never forgotten.
CREATE TABLE command (
    device        TEXT NOT NULL REFERENCES device (id),
    epoch         INTEGER NOT NULL,
    seq           INTEGER NOT NULL,
    action        TEXT NOT NULL,
    state         TEXT NOT NULL,
    envelope      BLOB NOT NULL,
    issued_at     INTEGER NOT NULL,
    accepted_at   INTEGER,
    destroyed_at  INTEGER,
    lease_dead_at INTEGER,
    PRIMARY KEY (device, epoch, seq)
) STRICT;
CREATE INDEX command_state ON command (state);

-- No lease, certificate or unlock for such an epoch ever again. Has no reference to `device` on purpose:
-- it outlives a deleted row. `deny_until`: while a certificate of the epoch may still be shown (the deny-set).
CREATE TABLE ban (
    device     TEXT NOT NULL,
    epoch      INTEGER NOT NULL,
    since      INTEGER NOT NULL,
    cause      TEXT NOT NULL,
    deny_until INTEGER NOT NULL,
    PRIMARY KEY (device, epoch)
) STRICT;
CREATE INDEX ban_deny ON ban (deny_until);

CREATE TABLE policy (
    team          TEXT NOT NULL,
    version       INTEGER NOT NULL,
    issued_at     INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    toml          TEXT NOT NULL,
    envelope      BLOB NOT NULL,
    lease_seconds INTEGER NOT NULL,
    minimum_tier  TEXT NOT NULL,
    PRIMARY KEY (team, version)
) STRICT;

CREATE TABLE boundary (
    version           INTEGER PRIMARY KEY,
    issued_at         INTEGER NOT NULL,
    expires_at        INTEGER NOT NULL,
    envelope          BLOB NOT NULL,
    lease_max_seconds INTEGER NOT NULL
) STRICT;

CREATE TABLE audit_leaf (
    position  INTEGER PRIMARY KEY,
    leaf      BLOB NOT NULL,
    root      BLOB NOT NULL,
    signature BLOB NOT NULL
) STRICT;

-- One row: the right edge of the tree over all leaves.
CREATE TABLE audit_edge (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    size  INTEGER NOT NULL,
    peaks BLOB NOT NULL
) STRICT;
INSERT INTO audit_edge (one, size, peaks) VALUES (1, 0, x'');

-- The newest events of each device, as a ring.
CREATE TABLE event (
    device      TEXT NOT NULL REFERENCES device (id),
    slot        INTEGER NOT NULL,
    nth         INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    kind        TEXT NOT NULL,
    reason      TEXT,
    host        TEXT,
    PRIMARY KEY (device, slot)
) STRICT;
