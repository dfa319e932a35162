"""The kinds of problems that the API answers with, each at an address of its own that does not change (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: its name, its status, its title; `meaning` and `remedy` are for the page that explains it."""

    name: str
    status: int
    title: str
    meaning: str
    remedy: str

    @property
    def type(self) -> str:
        """The problem's type, a URI reference of the same host."""
        return f"/problems/{self.name}"


MALFORMED = Kind(
    "malformed-request",
    400,
    "The request cannot be read",
    "The body is no JSON, a header is not what it should be, or the request is broken in another way.",
    "`detail` says what is wrong. Mend the request; sent as it is, it will be refused again.",
)
BAD_CURSOR = Kind(
    "bad-cursor",
    400,
    "The cursor is not valid here",
    "A cursor is good for the list and the filters that it was given for. This one was changed, cut, signed with a key "
    "that is no longer in use, or sent with other filters.",
    "Follow `next` as it is given. To begin again, leave the cursor out.",
)
NO_TOKEN = Kind(
    "token-needed",
    401,
    "A token is needed",
    "The request has no token, or one that is not known, was revoked, or is past its time; or its owner, who "
    "signs in with the organisation's own account, has not done so for too long.",
    "Send the token in the header `Authorization: Bearer trb_...`, never in the address. Tokens are made in the "
    "newsroom, on the page of one's own account.",
)
NO_SCOPE = Kind(
    "scope-missing",
    403,
    "The token may not do this",
    "The token works, but its scopes, or the roles of its owner, do not allow this. `scope` names what is asked for.",
    "Make a token that has the scope. If it cannot be chosen, your roles do not include it: ask an administrator.",
)
WRONG_NETWORK = Kind(
    "wrong-network",
    403,
    "Your network is not let in",
    "This house answers staff and their programs from some networks only, and yours is none of them.",
    "Call from one of them. An administrator can add networks to `[web] desk_networks`.",
)
NOT_FOUND = Kind(
    "not-found",
    404,
    "There is no such thing",
    "What the address names does not exist, is no longer there, or is not for you to see: the answer is the same.",
    "Check the address and the number in it.",
)
NO_METHOD = Kind(
    "method-not-allowed",
    405,
    "The method is not answered here",
    "The address exists, but not with this method.",
    "The header `Allow` names the methods that are answered.",
)
NOT_ACCEPTABLE = Kind(
    "not-acceptable",
    406,
    "The answer is not to be had in that form",
    "The header `Accept` asks for something else than what this address gives.",
    "Ask for `application/json`, or leave the header out.",
)
CONFLICT = Kind(
    "conflict",
    409,
    "The thing is not in a state that allows this",
    "For example, a mailing that is finished cannot be paused, and an address cannot be a subscriber's twice.",
    "`detail` says how the thing is. Read it again, and decide anew.",
)
STILL_AT_WORK = Kind(
    "still-at-work",
    409,
    "The same request is being worked on",
    "Another request with the same idempotency key has not been answered yet.",
    "Send it again in a moment with the same key: you will get the answer of the first.",
)
CHANGED_MEANWHILE = Kind(
    "changed-meanwhile",
    412,
    "The thing has changed since you read it",
    "The header `If-Match` names a state that is no longer the newest: somebody else has changed it.",
    "Read it again, make your change to what is there now, and send it with the new `ETag`.",
)
TOO_LARGE = Kind(
    "too-large",
    413,
    "The body is too large",
    "The request holds more bytes than this address takes.",
    "Send less at a time.",
)
WRONG_MEDIA_TYPE = Kind(
    "wrong-media-type",
    415,
    "The body is of a kind that is not read here",
    "The header `Content-Type` is missing, or names another kind than this address takes.",
    "Send JSON with `Content-Type: application/json`.",
)
WRONG_HOST = Kind(
    "wrong-host",
    421,
    "This host is not one of Tribune's",
    "The header `Host` names a host under which Tribune does not answer.",
    "Use the address that you were given. An administrator can add a host to `[web] allowed_hosts`.",
)
INVALID = Kind(
    "invalid",
    422,
    "Something in the request is not valid",
    "The request can be read, but values in it cannot be taken. `errors` lists each with its place: a JSON pointer "
    "into the body, or the name of a parameter or header.",
    "Mend every place that is listed, and send the request again.",
)
KEY_USED = Kind(
    "key-used-otherwise",
    422,
    "The idempotency key was used for another request",
    "A key stands for one request. This one was used in the last 24 hours for a request that asks for something else.",
    "Make a new key for each thing that you want done, and use it again only to repeat the very same request.",
)
STATE_NEEDED = Kind(
    "state-needed",
    428,
    "Say which state you are changing",
    "A change must say which state it begins from, so that nobody's work is lost.",
    "Read the thing, and send its `ETag` in the header `If-Match`. `If-Match: *` changes whatever is there.",
)
TOO_MANY = Kind(
    "too-many-requests",
    429,
    "Too many requests",
    "This token has made more requests in a minute than are answered.",
    "Wait for as many seconds as the header `Retry-After` says.",
)
FAILED = Kind(
    "failed",
    500,
    "Something went wrong on our side",
    "Nothing of the request was done. What went wrong stands in the server's log under the number in `instance`.",
    "Try again later. If it happens again, tell the administrators the number in `instance`.",
)
AWAY = Kind(
    "away",
    503,
    "A part of the house is away",
    "The database or the event log cannot be reached at this moment. Nothing of the request was done.",
    "Try again after as many seconds as the header `Retry-After` says.",
)

BUSY = Kind(
    "busy",
    503,
    "Too busy just now",
    "Another change, such as a large import, held what this one needed for too long, or the store was too busy to look "
    "it up in time. Nothing of the request was done.",
    "Try again after as many seconds as the header `Retry-After` says.",
)

KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        *(MALFORMED, BAD_CURSOR, NO_TOKEN, NO_SCOPE, WRONG_NETWORK, NOT_FOUND, NO_METHOD, NOT_ACCEPTABLE),
        *(CONFLICT, STILL_AT_WORK, CHANGED_MEANWHILE, TOO_LARGE, WRONG_MEDIA_TYPE, WRONG_HOST, INVALID, KEY_USED),
        *(STATE_NEEDED, TOO_MANY, FAILED, AWAY, BUSY),
    )
}
BY_STATUS: Mapping[int, Kind] = {kind.status: kind for kind in reversed(list(KINDS.values()))}
"""The first kind of each status: what a bare status is told as."""
