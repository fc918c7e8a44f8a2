-- Devices that saw another audit log than this one; one row a device, its newest word.
CREATE TABLE log_alarm (
    device    TEXT PRIMARY KEY,
    at        INTEGER NOT NULL,
    seen_size INTEGER NOT NULL,
    seen_root BLOB NOT NULL,
    shown     TEXT NOT NULL
) STRICT;
CREATE INDEX log_alarm_at ON log_alarm (at);
