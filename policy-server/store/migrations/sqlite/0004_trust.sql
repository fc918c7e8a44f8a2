-- What a device's evidence was worth, beside its device. `body` is CBOR of the core's DeviceTrust; the columns are what
-- is searched or counted. `ek` is a digest of the endorsement key, to notice one TPM under two devices.
CREATE TABLE device_trust (
    device TEXT PRIMARY KEY,
    level  TEXT NOT NULL,
    ek     BLOB,
    body   BLOB NOT NULL
) STRICT;
CREATE INDEX device_trust_ek ON device_trust (ek);

-- Posture checks that an admin lifted for a while. Rows that are over stay until the same check is lifted again.
CREATE TABLE posture_appeal (
    device     TEXT NOT NULL,
    check_name TEXT NOT NULL,
    until      INTEGER NOT NULL,
    reference  TEXT NOT NULL,
    PRIMARY KEY (device, check_name)
) STRICT;
