"""Words of a list: how they are found, and where the list comes from."""

from __future__ import annotations

import os
import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow_core import DataflowError, MemoryStorage
from dataflow_core.errors import ConfigurationError
from dataflow_text import BlocklistEvaluator, BlocklistFilter


def hits(texts, *words):
    table = MemoryStorage(pa.table({"text": pa.array(texts, pa.string())}))
    BlocklistEvaluator(words=words).run(table)
    return [row["blocklist_hits"] for row in table.rows()]


@pytest.mark.parametrize(
    ("entry", "text", "count"),
    [
        # Whole words, case and punctuation aside.
        ("darn", "Darn! (darn) 'DARN'... darn,darn/darn-darn—darn_darn <b>darn</b> `darn`", 11),
        ("darn", "darned undarn darn1", 0),
        ("darn", "", 0),
        ("straße", "Die STRASSE, die Straße", 1),
        ("сука", "Сука!", 1),
        ("don't", "Don't, don’t, don 't; dont", 3),
        ("a$$", "A$$ a$ a", 1),
        ("café", "CAFÉ cafe caf", 1),
        # Several words.
        ("cheap shot", "Cheap  shot, cheap-shot, a\ncheap\nshot and cheap “shot”", 4),
        ("cheap shot", "cheap, shot. Cheap; cheap 你 shot", 0),
        ("cheap-shot", "a cheap shot", 1),
        ("one two three", "one two one two three two three", 1),
        ("na na", "na na na", 2),
        # Scripts without spaces, in running text; a letter with another mark is another letter.
        ("赌博", "他在赌博网站上赌博。", 2),
        ("赌博", "赌。博", 0),
        ("エロ", "これはエロい", 1),
        ("หี", "หีหูหิหี", 2),
        ("ห", "หีห", 1),
        ("ไม่", "ไม่ok ไม", 1),
        ("ok", "ไม่ok", 1),
        # A word at the end of such an entry is whole.
        ("av女优", "看AV女优，DAV女优", 1),
        ("卡拉ok", "卡拉OK吧卡拉OKAY", 1),
        # Symbols and marks, character by character.
        ("🖕", "no🖕🏽no 🖕", 2),
        ("c++", "C++, c, objc++ and c++17", 2),
        ("f*ck", "F*ck f ck", 1),
        (":-(", "so :-( sad:-(", 2),
        ("  cheap \t shot ", "cheap shot", 1),
    ],
)
def test_entries_are_found_where_they_stand(entry, text, count):
    assert hits([text], entry) == [count]


def test_entries_that_begin_at_one_place_count_once():
    assert hits(["a cheap shot"], "cheap", "cheap shot", "shot") == [2]
    assert hits(["色情片"], "色情", "色情片") == [1]


def test_no_entry_is_found_across_two_texts():
    assert hits(["a cheap", "shot", "赌", "博"], "cheap shot", "赌博") == [0, 0, 0, 0]


def test_null_has_no_count_and_long_texts_do():
    texts = [None, "darn " * 300_000, "赌博" * 300_000]
    assert hits(texts, "darn", "赌博") == [None, 300_000, 300_000]


ENTRIES = ("ab", "ab a", "a-b", "b ab a", "你好", "好a", "a+", "ไม่")
TEXTS = st.lists(
    st.text(st.sampled_from("abAB ,-\n+你好。ไม่\u0301"), max_size=30) | st.none(), max_size=6
)
PART, MARK = "[abAB\u0301]", "[\u0301\u0e48]"


def plain_hits(text):
    """Find the entries one by one, by regular expressions."""
    starts = set()
    for entry in ENTRIES:
        body = re.escape(entry)
        if re.fullmatch("[ab -]+", entry):
            body = rf"(?:(?!{PART})[^,你好。ไม])+".join(re.split("[ -]", entry))
        before = rf"(?<!{PART})" if entry[0] in "ab" else ""
        after = rf"(?!{PART})" if entry[-1] in "ab" else "" if entry[-1] == "+" else rf"(?!{MARK})"
        found = re.finditer(rf"{before}(?={body}{after})", text, re.IGNORECASE)
        starts |= {match.start() for match in found}
    return len(starts)


@given(TEXTS)
def test_hits_are_those_of_a_plain_search(texts):
    found = hits(texts, *ENTRIES)
    assert found == [None if text is None else plain_hits(text) for text in texts]


def test_thousands_of_entries_are_found_like_one():
    many = [f"w{n} of {n % 7}" for n in range(3000)] + [f"x{n}" for n in range(3000)]
    assert hits(["w41 of 6, x2999 and w41 of 5"], *many) == [2]


def test_a_filter_drops_what_has_more_hits_than_allowed():
    table = MemoryStorage(
        [{"text": "darn"}, {"text": "fine"}, {"text": None}, {"text": "darn " * 3}]
    )
    BlocklistFilter(words=("darn",), max_value=1).run(table)
    assert [row["blocklist_hits"] for row in table.rows()] == [1, 0]
    assert table.dropped()["reason"].tolist() == ["no_value", "above_maximum"]


def test_entries_come_from_a_file(tmp_path):
    path = tmp_path / "words.txt"
    path.write_bytes("\ufeff# mild words\r\ndarn\r\n\r\n  cheap shot \r\n赌博\r\n".encode())
    table = MemoryStorage([{"text": "Darn, a cheap shot! # mild words 赌博 heck"}])
    BlocklistEvaluator(file=path, words=("heck",)).run(table)
    assert table.rows()[0]["blocklist_hits"] == 4


def test_a_changed_file_is_read_again(tmp_path):
    path = tmp_path / "words.txt"
    operator = BlocklistEvaluator(file=path)
    for stamp, (word, wanted) in enumerate([("darn", 1), ("heck", 0)]):
        path.write_text(word)
        os.utime(path, ns=(stamp, stamp))
        table = MemoryStorage([{"text": "darn"}])
        operator.run(table)
        assert table.rows()[0]["blocklist_hits"] == wanted


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"words\.txt: the list of words cannot be read: No such file"),
        (b"# nothing\n\n", r"words\.txt has no entries"),
        (b"fine\n\xff\xfe\n", r"words\.txt, line 2: byte 1 is not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_before_a_run(content, message, tmp_path):
    path = tmp_path / "words.txt"
    if content is not None:
        path.write_bytes(content)
    operator = BlocklistFilter(file=path)
    assert re.search(message, operator.problems({}, {})[0])
    with pytest.raises(DataflowError, match=message):
        operator.run(MemoryStorage([{"text": "x"}]))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "give words, or a file with one entry a line, or both"),
        ({"words": ()}, "give words, or a file with one entry a line, or both"),
        ({"words": ("darn", " ")}, "entry 2 is blank"),
    ],
)
def test_a_list_without_entries_is_refused(fields, message):
    with pytest.raises(ConfigurationError, match=message):
        BlocklistEvaluator(**fields)
