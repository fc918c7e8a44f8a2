-- What the console lists, counts and keeps: devices by many keys, policy texts on their way, refusals and use in
-- counts, receipts, loans.

-- Name, person and group without case, width and kana differences (policy-server-core, `listing::fold`). Rows made
-- before this column get the plain form until they are written next.
ALTER TABLE device ADD COLUMN find TEXT NOT NULL DEFAULT '';
UPDATE device SET find = lower(label || char(10) || person || char(10) || team);

DROP INDEX device_team;
-- The search reads this index alone; its beginning is the order by name.
CREATE INDEX device_find ON device (find, id, team, standing, tier, held_policy);
CREATE INDEX device_person ON device (person, id);
CREATE INDEX device_by_team ON device (team, id);
CREATE INDEX device_contact ON device (coalesce(last_contact, 0), id);
CREATE INDEX device_enrolled ON device (enrolled_at, id);
CREATE INDEX device_lease ON device (coalesce(lease_until, 0));
CREATE INDEX device_standing ON device (standing, tier);
CREATE INDEX device_tier ON device (tier);
-- The census of the overview reads this index alone.
CREATE INDEX device_census ON device (team, held_policy, standing, tier, os, lease_until);

-- Parts of 10,000 of the group that a version is for.
ALTER TABLE policy ADD COLUMN share INTEGER NOT NULL DEFAULT 10000 CHECK (share BETWEEN 1 AND 10000);

-- The life of a policy text (policy-server-core, `rollout::Life`). `base`: the version it was compared with when it was
-- proposed; `version`: the one it was signed as; `rev` rises with each change, so that two admins do not overwrite
-- each other.
CREATE TABLE rollout (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    team       TEXT NOT NULL,
    state      TEXT NOT NULL,
    rev        INTEGER NOT NULL,
    toml       TEXT NOT NULL,
    base       INTEGER NOT NULL,
    widens     INTEGER NOT NULL,
    author     TEXT NOT NULL,
    approver   TEXT,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    version    INTEGER,
    share      INTEGER,
    began_at   INTEGER,
    cause      TEXT
) STRICT;
CREATE INDEX rollout_team ON rollout (team, id);
CREATE INDEX rollout_state ON rollout (state, id);

CREATE INDEX event_kind ON event (kind, received_at);

-- Hosts that were refused or asked for, in counts of a week. `who` is a device's alias; its salt is erased with the
-- end of the week, so that it no longer says which device it was.
CREATE TABLE host_week (
    week INTEGER NOT NULL,
    team TEXT NOT NULL,
    kind TEXT NOT NULL,
    host TEXT NOT NULL,
    who  BLOB NOT NULL,
    n    INTEGER NOT NULL,
    PRIMARY KEY (week, team, kind, host, who)
) STRICT, WITHOUT ROWID;
CREATE INDEX host_week_who ON host_week (week, who);

CREATE TABLE week_salt (
    week INTEGER PRIMARY KEY,
    salt BLOB NOT NULL
) STRICT;

CREATE TABLE day_count (
    day  INTEGER NOT NULL,
    team TEXT NOT NULL,
    what TEXT NOT NULL,
    n    INTEGER NOT NULL,
    PRIMARY KEY (day, team, what)
) STRICT, WITHOUT ROWID;

-- Receipts as the device signed them, to be handed out.
CREATE TABLE receipt (
    device      TEXT NOT NULL REFERENCES device (id),
    epoch       INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    stage       TEXT NOT NULL,
    envelope    BLOB NOT NULL,
    received_at INTEGER NOT NULL,
    PRIMARY KEY (device, epoch, seq, stage)
) STRICT;

-- The lending book of devices that the organisation lends.
CREATE TABLE loan (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    device      TEXT NOT NULL REFERENCES device (id),
    borrower    TEXT NOT NULL,
    lent_at     INTEGER NOT NULL,
    lent_by     TEXT NOT NULL,
    due_at      INTEGER,
    returned_at INTEGER,
    returned_by TEXT,
    wiped_at    INTEGER
) STRICT;
CREATE INDEX loan_device ON loan (device, id);
CREATE UNIQUE INDEX loan_open ON loan (device) WHERE returned_at IS NULL;
