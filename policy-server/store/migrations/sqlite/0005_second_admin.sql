-- Orders that need two admins, devices taken off the list, and the inner nodes of the audit tree.

-- Who asked for an order and when, and who decided on it where one admin was not enough.
ALTER TABLE command ADD COLUMN asked_by TEXT NOT NULL DEFAULT '';
ALTER TABLE command ADD COLUMN asked_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE command ADD COLUMN decided_by TEXT;
UPDATE command SET asked_at = issued_at;
CREATE INDEX command_issued ON command (issued_at);

-- A device taken off the list keeps its row, without a name: its keys are what receipts are checked by, and its orders
-- and its ban go on.
ALTER TABLE device ADD COLUMN deleted_at INTEGER;

-- Roots of the perfect subtrees of the audit log, from two leaves up: what consistency proofs are made of.
-- Filled from the leaves when it is found short.
CREATE TABLE audit_node (
    level    INTEGER NOT NULL,
    position INTEGER NOT NULL,
    hash     BLOB NOT NULL,
    PRIMARY KEY (level, position)
) STRICT, WITHOUT ROWID;
