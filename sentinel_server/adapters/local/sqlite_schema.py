"""The tables of our SQLite file, version by version. What was released never changes."""

from __future__ import annotations

SCHEMA_1 = """
CREATE TABLE sessions (
  id TEXT PRIMARY KEY, person TEXT NOT NULL, user TEXT NOT NULL, principal_arn TEXT NOT NULL,
  principal_id TEXT NOT NULL, profile TEXT NOT NULL, server_instance_id TEXT NOT NULL,
  source_identity TEXT NOT NULL, started_at TEXT NOT NULL, heartbeat_at TEXT NOT NULL,
  last_access_at TEXT NOT NULL, expires_at TEXT NOT NULL, lease_seconds INTEGER, role_arn TEXT,
  request_count INTEGER NOT NULL, credentials_until TEXT, ended_at TEXT, revoked_at TEXT, revoked_by TEXT,
  revoked_reason TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_start ON sessions (started_at, id);
CREATE TABLE blocks (
  key TEXT PRIMARY KEY, scope TEXT NOT NULL, name TEXT NOT NULL, at TEXT NOT NULL, by TEXT NOT NULL,
  reason TEXT NOT NULL, until TEXT, lifted_at TEXT, lifted_by TEXT
) STRICT, WITHOUT ROWID
"""

SCHEMA_2 = """
ALTER TABLE sessions ADD COLUMN override_id TEXT;
CREATE TABLE records (
  ledger TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (ledger, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE record_values (
  ledger TEXT NOT NULL, attribute TEXT NOT NULL, value TEXT NOT NULL, created_at TEXT NOT NULL,
  key TEXT NOT NULL, PRIMARY KEY (ledger, attribute, value, created_at, key)
) STRICT, WITHOUT ROWID
"""
"""`body` is a JSON object; `record_values` has a line for each attribute by which a record can be found."""

SCHEMA = (SCHEMA_1, SCHEMA_2)
