-- Metadata of a vault. Everything but credentials and quotas can be rebuilt from the blob files.
CREATE TABLE IF NOT EXISTS tenants (
    name        TEXT PRIMARY KEY,
    quota_bytes INTEGER,
    used_bytes  INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE IF NOT EXISTS credentials (
    access_key TEXT PRIMARY KEY,
    tenant     TEXT NOT NULL REFERENCES tenants (name),
    role       TEXT NOT NULL,
    bucket     TEXT,             -- when set, only this bucket
    prefix     TEXT NOT NULL,    -- only keys that begin with it
    sealed     BLOB NOT NULL,
    created_ms INTEGER NOT NULL,
    revoked_ms INTEGER
) STRICT;
-- Tokens that were not exchanged yet, by their hash.
CREATE TABLE IF NOT EXISTS enrolments (
    token_sha256 BLOB PRIMARY KEY,
    tenant       TEXT NOT NULL REFERENCES tenants (name),
    role         TEXT NOT NULL,
    bucket       TEXT NOT NULL,
    prefix       TEXT NOT NULL,
    endpoint     TEXT NOT NULL,
    region       TEXT NOT NULL,
    expires_ms   INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS buckets (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant         TEXT NOT NULL REFERENCES tenants (name),
    name           TEXT NOT NULL,
    created_ms     INTEGER NOT NULL,
    versioned      INTEGER NOT NULL,
    locked         INTEGER NOT NULL,
    retention_days INTEGER,
    UNIQUE (tenant, name)
) STRICT;
CREATE TABLE IF NOT EXISTS versions (
    bucket          INTEGER NOT NULL REFERENCES buckets (id),
    key             TEXT NOT NULL,
    sequence        INTEGER NOT NULL,
    blob            TEXT NOT NULL,
    is_null         INTEGER NOT NULL,   -- written without versioning: its id is "null"
    is_current      INTEGER NOT NULL,
    is_marker       INTEGER NOT NULL,
    bytes           INTEGER NOT NULL,
    retain_until_ms INTEGER,
    label           TEXT NOT NULL,
    scrubbed_ms     INTEGER NOT NULL DEFAULT 0,
    is_damaged      INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (bucket, key, sequence)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS versions_by_blob ON versions (blob);
CREATE INDEX IF NOT EXISTS versions_current ON versions (bucket, key) WHERE is_current = 1;
CREATE INDEX IF NOT EXISTS versions_to_scrub ON versions (scrubbed_ms) WHERE is_marker = 0 AND is_damaged = 0;
CREATE INDEX IF NOT EXISTS versions_damaged ON versions (scrubbed_ms) WHERE is_damaged = 1;
CREATE TABLE IF NOT EXISTS uploads (
    id         TEXT PRIMARY KEY,
    bucket     INTEGER NOT NULL REFERENCES buckets (id),
    key        TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    draft      TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS uploads_by_key ON uploads (bucket, key);
CREATE TABLE IF NOT EXISTS parts (
    upload TEXT NOT NULL REFERENCES uploads (id),
    number INTEGER NOT NULL,
    blob   TEXT NOT NULL,
    bytes  INTEGER NOT NULL,
    label  TEXT NOT NULL,
    PRIMARY KEY (upload, number)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS parts_by_blob ON parts (blob);
-- Blob files whose rows are gone, until the files are gone as well.
CREATE TABLE IF NOT EXISTS doomed (blob TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
