"""Send one chunk of deliveries."""

from __future__ import annotations

from tribune.services.sending.make_mails import Sender
from tribune.services.sending.send_stream import Stream


def send_chunk(sender: Sender, mailing_id: int, chunk: int) -> bool:
    """Send what is left of a chunk; False where there was nothing to claim: done, taken, resting, or not allowed.

    A chunk whose channel is throttled or away rests and comes back by an event (`release_retries`). Raises what the
    channel fell over, after the ledger has been told.
    """
    stream = Stream(sender, [(mailing_id, chunk)], patient=False)
    stream.run()
    for error in stream.errors.values():
        raise error
    return bool(stream.claimed)
