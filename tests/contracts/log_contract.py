"""What every event log does: each adapter runs this suite (tests/contracts/test_*_log.py).

It knows nothing of files or brokers. An adapter gives the fixture `open_log`: each call opens the same log once more,
as another process would. Where adapters differ in patience, they set the class's figures.
"""

from __future__ import annotations

from tests.contracts.log_failures import LogFailures
from tests.contracts.log_members import LogMembers
from tests.contracts.log_reading import LogReading


class LogContract(LogReading, LogMembers, LogFailures):
    """The suite. An adapter's test class inherits it and gives `open_log`."""
