"""What tribune.toml says of the house, whichever engines it stands on: for the stack and for the crash suite."""

from __future__ import annotations


def sections(sender: str, sink: int, web: int, *, daily_cap: int = 5) -> str:
    """One digest from `sender`, mail that leaves at once to a sink at the port `sink`, pages at the port `web`, logs as
    JSON. `daily_cap`: of mails at once, for each reader."""
    return f"""[digests.letter]
names = {{ en = "The Letter", fr = "La Lettre", es = "El Boletín" }}
sender = "{sender}"
[planning]
at_once_wait_minutes = 0
at_once_daily_cap = {daily_cap}
[email]
channel = "smtp"
[email.smtp]
host = "127.0.0.1"
port = {sink}
security = "none"
[web]
base_url = "http://127.0.0.1:{web}"
[logging]
format = "json"
"""
