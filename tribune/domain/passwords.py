"""What a password must be (NIST SP 800-63B, 5.1.1.2): long, and not one that everybody tries first.

No rules of composition: they make passwords that are hard to keep and easy to guess.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from enum import StrEnum

SHORTEST, LONGEST = 12, 200
_OWN = 5
"""So many characters must be neither a common word, nor a run, nor about the person."""


class PasswordProblem(StrEnum):
    """Why a password is not taken."""

    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    COMMON = "common"


def normal(password: str) -> str:
    """The password as it is hashed: the same, however a keyboard composed its accents."""
    return unicodedata.normalize("NFKC", password)


def password_problem(password: str, about: Iterable[str] = ()) -> PasswordProblem | None:
    """What is wrong with a password, if anything. `about`: words of the person and the house, which are guessed first
    (an address, names)."""
    told = normal(password)
    if len(told) < SHORTEST:
        return PasswordProblem.TOO_SHORT
    if len(told) > LONGEST:
        return PasswordProblem.TOO_LONG
    return PasswordProblem.COMMON if _own_characters(told, about) < _OWN else None


def _own_characters(password: str, about: Iterable[str]) -> int:
    """How many characters are left, once all that is tried first is taken away; repeated parts count once."""
    folded = _folded(password)
    near = {word for text in about for word in re.split(r"[^a-z0-9]+", _folded(text)) if len(word) >= 4}
    least = _left(folded, near)
    read_as_letters = folded.translate(_LOOKALIKES)
    return min(least, _left(read_as_letters, near))


def _left(text: str, near: set[str]) -> int:
    for word in sorted(COMMON | near, key=len, reverse=True):
        text = text.replace(word, "\0")
    text = re.sub(r"(19|20)\d\d", "\0", text)
    text = _without_runs(text)
    return len(set(re.sub(r"[\0\s]", "", text)))


def _without_runs(text: str) -> str:
    """Without steps along the alphabet, the digits or a row of keys, three or more in length, in either direction."""
    kept = []
    at = 0
    while at < len(text):
        length = max(_run(text[at:], row) for row in _ROWS)
        if length >= 3:
            kept.append("\0")
            at += length
        else:
            kept.append(text[at])
            at += 1
    return "".join(kept)


def _run(text: str, row: str) -> int:
    """How many characters of `text`, from its beginning, follow one another in `row`."""
    place = row.find(text[0])
    if place < 0:
        return 0
    length = 1
    while length < len(text) and place + length < len(row) and text[length] == row[place + length]:
        length += 1
    return length


def _folded(text: str) -> str:
    """In lower case, without accents."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in apart if not unicodedata.combining(c))


_LOOKALIKES = str.maketrans({"0": "o", "1": "l", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s", "!": "i"})
_FORWARD = (
    *("abcdefghijklmnopqrstuvwxyz", "01234567890123456789", "qwertyuiop", "asdfghjkl", "zxcvbnm", "azertyuiop"),
    *("qsdfghjklm", "wxcvbn", "1q2w3e4r5t6y7u8i9o0p", "1qaz2wsx3edc4rfv5tgb6yhn7ujm"),
)
_ROWS = (*_FORWARD, *(row[::-1] for row in _FORWARD))

_WORDS = """
password passwort passwd passw motdepasse contrasena clave secret secreto secrete welcome bienvenue bienvenido
bienvenida changeme letmein iloveyou jetaime teamo tequiero admin administrator administrateur administrador root
login user utilisateur usuario guest invite test demo temp default master qwerty qwertz azerty dragon monkey football
baseball basketball futbol barcelona madrid realmadrid princess princesse princesa sunshine soleil shadow superman
batman starwars trustno trustnoone access hello bonjour hola chocolat chocolate loulou doudou coucou minou michael
charlie jordan jennifer thomas nicolas andrea alejandro carlos estrella mariposa amigos amigo familia famille family
freedom liberte libertad whatever computer ordinateur internet security securite seguridad summer winter spring autumn
printemps hiver automne verano invierno primavera otono january february march april june july august september
october november december janvier fevrier avril juin juillet aout septembre octobre novembre decembre enero febrero
marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre monday tuesday wednesday thursday friday
saturday sunday lundi mardi mercredi jeudi vendredi samedi dimanche lunes martes miercoles jueves viernes sabado
domingo tribune newsroom newsletter redaction redaccion boletin labour travail trabajo work observatory observatoire
observatorio organisation organization geneva geneve ginebra correct horse battery staple company office system server
manager please google facebook microsoft windows apple samsung pass word love
"""
COMMON = frozenset(_WORDS.split())
"""What is tried first, in the languages of the house: its length makes such a word no better."""
