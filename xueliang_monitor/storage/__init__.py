"""What is kept on disk: the history in SQLite, evidence pictures, the audit log."""
