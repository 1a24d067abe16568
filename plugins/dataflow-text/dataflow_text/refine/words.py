"""Words of a text: those that say little, their stems, and their spelling."""

from __future__ import annotations

import functools
import re
import threading
from importlib import resources
from typing import Any, ClassVar, Literal

from pydantic import Field

from dataflow_text.refine.each_text import EachTextRefiner

# Words that English grammar needs, and their contractions.
_ENGLISH = (
    "a an the this that these those each every either neither some any no such both all "
    "i me my mine myself we us our ours ourselves you your yours yourself yourselves he him his "
    "himself she her hers herself it its itself they them their theirs themselves one "
    "who whom whose which what when where why how and or but nor so yet if then else than because "
    "as until while although though unless since whether of at by for with about against between "
    "into through during before after above below to from up down in out on off over under again "
    "further once upon within without along across toward towards per via here there now just only "
    "very too also not am is are was were be been being have has had having do does did doing will "
    "would shall should can could may might must ought i'm you're he's she's it's we're they're "
    "i've you've we've they've i'd you'd he'd she'd we'd they'd i'll you'll he'll she'll we'll "
    "they'll isn't aren't wasn't weren't hasn't haven't hadn't doesn't don't didn't won't wouldn't "
    "shan't shouldn't can't cannot couldn't mustn't let's that's who's what's here's there's"
)
_WORD = re.compile(r"(?<![\w'’-])([^\W\d_]++(?:['’][^\W\d_]++)*+)(?![\w'’-])( ?)")


class RemoveStopWords(EachTextRefiner):
    r"""Remove stop words: words that grammar needs and that say little of a text's subject.

    A stop word goes with the space after it; other white space, line breaks, punctuation and the
    other words stay as they are. Case does not matter, but words of several letters in capitals
    (``US``, ``WHO``) stay. Parts of words with hyphens, digits or underscores stay. The list of
    English words is this library's own (some 200 words, with ``not`` among them); give your own
    for other languages. In scripts without spaces no word is found. Null stays null.

    Source: DataFlow text operators, for the list.

    Attributes:
        words: The stop words; None for the English ones.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "The bees are\nin  the hive, and US bees too."}])
        >>> RemoveStopWords().run(table)
        >>> table.rows()
        [{'text': 'bees \n hive, US bees .'}]
    """

    sign: ClassVar[str] = r"\pL"

    words: tuple[str, ...] | None = None

    def clean(self, text: str) -> str:
        """Return one text without stop words."""
        words = _folded(tuple(_ENGLISH.split()) if self.words is None else self.words)
        return _WORD.sub(lambda match: "" if _is_stop_word(match[1], words) else match[0], text)


@functools.cache
def _folded(words: tuple[str, ...]) -> frozenset[str]:
    return frozenset(word.lower().replace("’", "'") for word in words)


def _is_stop_word(word: str, words: frozenset[str]) -> bool:
    return word.lower().replace("’", "'") in words and (len(word) == 1 or not word.isupper())


class StemWords(EachTextRefiner):
    r"""Cut words to their stems by the Snowball algorithm of a language.

    ``running`` becomes ``run``, ``Flies`` ``Fli``: a stem is no word of the language. The first
    letter or all letters stay capitals; words with capitals inside, digits or underscores stay; so
    do punctuation, white space and line breaks. Null stays null. Scripts without spaces stay.

    Source: Snowball (Porter 2001), https://snowballstem.org, by the library snowballstemmer.

    Attributes:
        language: Whose algorithm; ``porter`` is the older one for English.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "Running,  the BEES\nwere  dancing."}])
        >>> StemWords().run(table)
        >>> table.rows()
        [{'text': 'Run,  the BEE\nwere  danc.'}]
    """

    sign: ClassVar[str] = r"\pL"

    language: Literal[
        "arabic", "danish", "dutch", "english", "finnish", "french", "german", "greek", "hungarian",
        "italian", "norwegian", "porter", "portuguese", "romanian", "russian", "spanish", "swedish",
        "tamil", "turkish",
    ] = "english"  # fmt: skip

    def clean(self, text: str) -> str:
        """Return one text with stems."""
        return _WORD.sub(lambda match: _stem(self.language, match[1]) + match[2], text)


@functools.lru_cache(maxsize=200_000)
def _stem(language: str, word: str) -> str:
    if not _has_plain_case(word):
        return word
    stemmer, lock = _stemmer(language)
    with lock:  # A stemmer keeps the word that it works on.
        return _in_case_of(word, stemmer.stemWord(word.lower().replace("’", "'")))


@functools.cache
def _stemmer(language: str) -> tuple[Any, threading.Lock]:
    import snowballstemmer  # type: ignore[import-untyped]

    return snowballstemmer.stemmer(language), threading.Lock()


class CorrectSpelling(EachTextRefiner):
    r"""Correct the spelling of English words: each unknown one becomes the closest known one.

    Only words of ASCII letters between white space and punctuation are looked up, so names of
    files, addresses, code with ``_``, ``.`` or digits, and words with hyphens or apostrophes stay.
    Words with capitals inside (``iPhone``, ``NASA``) stay, and so do capitalized words except at
    the beginning of a line or sentence: they are names. Case, punctuation and white space stay.
    Words that the dictionary lacks, such as technical terms, do get changed where another word is
    close: tell it those that you know. Among equally close words the most frequent is taken. The
    dictionary has 82,765 words of English and comes with the library symspellpy; loading it takes
    a second or more, once. Scripts other than Latin have no words here, so they stay whether they
    write spaces or not. Null stays null.

    Source: SymSpell (Garbe 2012), https://github.com/wolfgarbe/SymSpell.

    Attributes:
        max_edit_distance: How many letters may be wrong: missing, extra, other, or swapped.
        min_length: Shorter words stay.
        max_unknown: Texts with a larger share of unknown words stay: they are in another language,
            or no prose. It counts from eight words on; drop short texts in other languages first.
        known_words: More words that are right.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "Helo,  we recieve x_y\nfrom Jonh and NASAA."}])
        >>> CorrectSpelling().run(table)
        >>> table.rows()
        [{'text': 'Help,  we receive x_y\nfrom Jonh and NASAA.'}]
    """

    sign: ClassVar[str] = r"[A-Za-z]{2}"

    max_edit_distance: int = Field(default=1, ge=1, le=3)
    min_length: int = Field(default=4, ge=1)
    max_unknown: float = Field(default=0.25, ge=0, le=1)
    known_words: tuple[str, ...] = ()

    def clean(self, text: str) -> str:
        """Return one text with its spelling corrected."""
        return text if self._is_foreign(text) else _TOKEN.sub(self._corrected, text)

    def _is_foreign(self, text: str) -> bool:
        known = _dictionary(self.max_edit_distance).words
        words = [word for _, word, _ in _TOKEN.findall(text) if self._is_looked_up(word)]
        unknown = sum(word.lower() not in known for word in words)
        return len(words) >= _ENOUGH_TO_JUDGE and unknown > self.max_unknown * len(words)

    def _is_looked_up(self, word: str) -> bool:
        return len(word) >= self.min_length and word.lower() not in _folded(self.known_words)

    def _corrected(self, match: re.Match[str]) -> str:
        word = match["word"]
        if not (self._is_looked_up(word) and (word.islower() or _begins_sentence(match))):
            return match[0]
        closest = _closest(word.lower(), self.max_edit_distance)
        return f"{match['before']}{_in_case_of(word, closest)}{match['after']}"


_ENOUGH_TO_JUDGE = 8
_TOKEN = re.compile(
    r"(?<!\S)(?P<before>[(\[{\"'“‘«]*+)(?P<word>[A-Za-z][a-z]++)(?P<after>[)\]}\"'”’».,;:!?…]*+)(?!\S)"
)


def _begins_sentence(match: re.Match[str]) -> bool:
    start = match.start()
    before = match.string[max(0, start - 8) : start].rstrip(" \t")
    if not before:
        return start < 8
    return before.rstrip("\"'”’)]")[-1:] in (*"\n\r\x85\u2028\u2029", ".", "!", "?", "…")


@functools.lru_cache(maxsize=200_000)
def _closest(word: str, distance: int) -> str:
    """Return the known word closest to a word in lower case, or the word itself."""
    from symspellpy import Verbosity  # type: ignore[import-untyped]

    found = _dictionary(distance).lookup(word, Verbosity.TOP, max_edit_distance=distance)
    return found[0].term if found else word


@functools.cache
def _dictionary(distance: int) -> Any:
    from symspellpy import SymSpell

    speller = SymSpell(max_dictionary_edit_distance=distance, prefix_length=7)
    with resources.as_file(resources.files("symspellpy") / _FREQUENCIES) as path:
        speller.load_dictionary(path, term_index=0, count_index=1)
    return speller


_FREQUENCIES = "frequency_dictionary_en_82_765.txt"


def _has_plain_case(word: str) -> bool:
    return word.isupper() or word[1:].islower() or word.islower() or not word[1:]


def _in_case_of(word: str, other: str) -> str:
    """Return another word with the capitals of a word."""
    if len(word) > 1 and word.isupper():
        return other.upper()
    return other[:1].upper() + other[1:] if word[:1].isupper() else other
