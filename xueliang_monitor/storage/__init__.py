"""Data on disk: the history in SQLite, evidence pictures, the audit log, the lock on the state folder."""
