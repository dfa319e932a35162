"""E-mail channels: outbox folder, SMTP."""
