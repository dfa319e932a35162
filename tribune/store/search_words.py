"""What a text is searched by: its words, folded and stemmed, in Python on every database (decisions.md, 23).

Each word gives more than one form, the stem of the folded word and the folded stem: the stemmers of French and Spanish
need the accents, and a reader who types « sante » has none to give.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Any

from tribune.domain.codelists import fold

STEMMERS = {"en": "english", "fr": "french", "es": "spanish"}
"""Languages with an analysis of their own; all others are only folded."""

ANALYSES = (*STEMMERS, "other")
_MAX_TEXT = 1_000
_MAX_WORDS = 16

_WORD = re.compile(r"[^\W_]+(?:[\u0300-\u036f]+[^\W_]*)*")
_NO_SPACES = re.compile("([\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])")  # kana and Han: every sign is a word
_ELISION = re.compile(r"\b(?:[cdjlmnst]|qu|jusqu|lorsqu|puisqu|quoiqu|presqu)['’ʼ](?=\w)", re.IGNORECASE)
_POSSESSIVE = re.compile(r"['’ʼ]s\b", re.IGNORECASE)

_STOP_WORDS = {
    "en": "a an and are as at be by for from in into is it its of on or that the this to was were with",
    "fr": "a au aux avec ce ces cette dans de des du elle en est et il ils la le les leur leurs mais ne nos notre nous "
    "ou par pas pour que qui sa se ses son sont sur un une vos votre vous y",
    "es": "a al con de del e el en es esta este la las lo los mas no o para pero por que se sin sobre su sus u un una "
    "y",
}
_STOP = {language: frozenset(words.split()) for language, words in _STOP_WORDS.items()}


@dataclass(frozen=True, slots=True)
class Indexed:
    """A language version as it goes into an index."""

    language: str
    analysis: str
    title: str
    abstract: str
    about: str


_lock = Lock()
_made: dict[str, Any] = {}


def analysis_of(language: str) -> str:
    """The analysis for a language tag: en, fr, es or other."""
    base = language.split("-")[0].split("_")[0].lower()
    return base if base in STEMMERS else "other"


def words(text: str, analysis: str) -> Iterator[str]:
    """The words of `text` in order, as they are written, elisions and possessives cut off."""
    plain = unicodedata.normalize("NFC", text)
    if analysis == "fr":
        plain = _ELISION.sub(" ", plain)
    elif analysis == "en":
        plain = _POSSESSIVE.sub(" ", plain)
    for found in _WORD.finditer(_NO_SPACES.sub(r" \1 ", plain)):
        yield found.group()


def is_stop_word(word: str, analysis: str) -> bool:
    """Whether a word says nothing in a search."""
    return fold(word) in _STOP.get(analysis, ())


@lru_cache(maxsize=100_000)
def forms(word: str, analysis: str) -> tuple[str, ...]:
    """The forms under which a word is found: letters and digits only, each form once."""
    folded = fold(word).split()
    stemmer = STEMMERS.get(analysis)
    if stemmer is None:
        return tuple(dict.fromkeys(folded))
    stems = [_stem(part, stemmer) for part in folded] + fold(_stem(word.casefold(), stemmer)).split()
    if analysis == "fr":
        # The stemmer leaves the s of « emplois », « avis » and « revenus » where it is.
        stems += [_stem(part[:-1], stemmer) for part in folded if part.endswith("s") and len(part) > 4]
    if analysis == "es":
        # It takes « mujer » and « taller » for verbs, and their plurals for what they are.
        stems += [_stem(f"{part}es", stemmer) for part in folded if part.endswith("er")]
    return tuple(dict.fromkeys(stems))


def indexed(text: str, analysis: str) -> str:
    """`text` as it goes into the index."""
    return " ".join(form for word in words(text, analysis) for form in forms(word, analysis))


def telling_words(text: str, analysis: str) -> list[str]:
    """The words of a user's text that are searched for: without stop words, unless there are no others."""
    said = list(words(text[:_MAX_TEXT], analysis))[:_MAX_WORDS]
    return [word for word in said if not is_stop_word(word, analysis)] or said


def ways(word: str, analysis: str, *, unfinished: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The forms that a searched word has, and, where it may be unfinished, what found words may begin with."""
    begun = tuple(form for form in forms(word, "other") if len(form) > 1) if unfinished else ()
    return forms(word, analysis), begun


def _stem(word: str, name: str) -> str:
    # A stemmer works on itself: two threads in one would spoil both words.
    with _lock:
        stemmer = _made.get(name)
        if stemmer is None:
            import snowballstemmer

            stemmer = _made[name] = snowballstemmer.stemmer(name)
        return str(stemmer.stemWord(word))
