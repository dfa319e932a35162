"""What pages that set a password or a second factor share."""

from __future__ import annotations

import io

from fastapi import Response

from tribune.domain.errors import InvalidInput
from tribune.domain.passwords import PasswordProblem
from tribune.domain.second_factor import provisioning_address
from tribune.rendering.locales import Texts
from tribune.services.staff.set_credentials import CODE, CURRENT, PASSWORD, WAIT


def code_picture(secret: str, account: str, issuer: str) -> Response:
    """The QR code of a second factor, as a picture of its own: the page's policy allows nothing inline."""
    import segno

    code = segno.make(provisioning_address(secret, account, issuer), error="m", micro=False)
    drawn = io.BytesIO()
    # Dark on light in both themes: many readers cannot read it the other way round.
    code.save(
        drawn,
        kind="svg",
        border=4,
        dark="#000",
        light="#fff",
        omitsize=True,
        xmldecl=False,
        svgclass=None,
        lineclass=None,
    )
    return Response(drawn.getvalue(), media_type="image/svg+xml")


def told_errors(error: InvalidInput | None, texts: Texts) -> dict[str, str]:
    """Field -> what is wrong with it, in words."""
    if error is None:
        return {}
    said = {
        CODE: texts.gettext("The code is not right, or its time is over. Enter the one that the app shows now."),
        CURRENT: texts.gettext("This is not your password."),
        PasswordProblem.TOO_SHORT: texts.gettext("Use 12 characters or more."),
        PasswordProblem.TOO_LONG: texts.gettext("Use 200 characters or fewer."),
        PasswordProblem.COMMON: texts.gettext(
            "This password is easy to guess. Use several words that do not belong together, and not your name."
        ),
        WAIT: texts.gettext("Too many attempts. Please wait a few minutes."),
    }
    told = said[error.hint if error.where == PASSWORD else error.where]
    return {CURRENT if error.where == WAIT else error.where: told}
