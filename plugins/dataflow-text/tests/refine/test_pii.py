"""Personal data goes by its form and its checksum; versions, floats and other numbers stay."""

from __future__ import annotations

import itertools
import json
import os
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow_core import MemoryStorage, Pipeline
from dataflow_core.errors import ConfigurationError
from dataflow_text import MaskPii
from dataflow_text.pii.forms import find_forms

SHARED = Path(
    os.environ.get("DATAFLOW_SHARED") or Path(__file__).resolve().parents[4].parent / "shared"
)
# The numbers are the published examples of their kinds, or made up.
FOUND = [
    ("email", "first.last+tag@sub.example.co.uk"),
    ("email", "_x@a-b.org"),
    ("email", "o'brien@example.org"),
    ("email", "x.d'angelo+a@example.org"),
    ("iban", "GB29NWBK60161331926819"),
    ("iban", "DE89 3704 0044 0532 0130 00"),
    ("iban", "NO93 8601 1117 947"),
    ("card", "4111111111111111"),
    ("card", "4111 1111 1111 1111"),
    ("card", "5555-5555-5555-4444"),
    ("card", "3782 822463 10005"),
    ("card", "30569309025904"),
    ("us_ssn", "219-09-9999"),
    ("cn_id", "11010519491231002X"),
    ("es_id", "12345678Z"),
    ("es_id", "X-1234567-L"),
    ("br_cpf", "529.982.247-25"),
    ("br_cpf", "52998224725"),
    ("pl_pesel", "44051401359"),
    ("ipv4", "203.0.113.77"),
    ("ipv6", "2001:db8:85a3::8a2e:370:7334"),
    ("ipv6", "fe80::1"),
    ("phone", "+41 (0)62 585 51 90"),
    ("phone", "+12025550123"),
    ("phone", "(415) 555-2671"),
    ("phone", "202-555-0123"),
    ("phone", "01.84.17.61.18"),
    ("phone", "083 564 9312"),
    ("phone", "010-62345678"),
    ("phone", "13800138000"),
    ("phone", "138 0013 8000"),
    ("phone", "(11) 91234-5678"),
    ("phone", "(64) 3591-3246"),
    ("phone", "01632 960123"),
    ("phone", "030/12345678"),
]
# Wrong checksums, wrong dates, and numbers of other kinds.
OTHERS = [
    "4111 1111 1111 1112",
    "1234567812345670",
    "0.4111111111111111",
    "x4111111111111111",
    "GB29NWBK60161331926818",
    "GB29NWBK6016133192681",
    "ZZ29NWBK60161331926819",
    "110105194912310021",
    "110105194913310021",
    "12345678A",
    "111.111.111-11",
    "52998224724",
    "44051401358",
    "44053501359",
    "000-12-3456",
    "666-12-3456",
    "900-12-3456",
    "219-00-9999",
    "version 10.20.30.40",
    "v10.20.30.40",
    "1.2.3.4",
    "4.10.2.1",
    "127.0.0.1",
    "255.255.255.0",
    "300.1.20.30",
    "10.20.30.40.50",
    "std::vector",
    "a::b",
    "::1",
    "12:30:45",
    "00:1a:2b:3c:4d:5e",
    "2020-12-25",
    "01.02.2020",
    "12/25/2020",
    "1,234,567",
    "3.14159265",
    "1400000000",
    "978-3-16-148410-0",
    "00 11 22 33 44 55 66",
    "192 168 100 200",
    "@decorator",
    "user@localhost",
    "a@b",
    "x = y @ z.T",
    "10000000",
    "call 911",
    "phone 12",
    "ISO 8859-1",
    "RFC 2616",
    "1-2-3-4",
    "2023-01-01 12:00:00",
    "+1 and +2",
    "027-136854",
    "(12) 1234",
]
SURROUNDINGS = [
    "{}",
    "is {}.",
    "({})",
    "看{}。",
    "号码：{}，",
    "a\n{}\nb",
    '"{}",',
    "<{}>",
    "{}; x",
]


@pytest.mark.parametrize(("entity", "example"), FOUND)
def test_each_form_is_masked_wherever_it_stands(entity, example, refined):
    texts = [around.format(example) for around in SURROUNDINGS]
    wanted = [around.format(f"<{entity.upper()}>") for around in SURROUNDINGS]
    assert refined(MaskPii(), *texts) == wanted


ADDRESSES = [
    "josé.garcía@correo.es",
    "josé.garcía@correo.es".replace("é", "e\u0301").replace("í", "i\u0301"),
    "jürgen@example.de",
    "m.o'donnäll@example.de",
    "ann@münchen.example",
    "иван.petrov@пример.рф",
    "ivan@xn--e1afmkfd.xn--p1ai",
    "संपर्क@उदाहरण.भारत",
    "بريد@مثال.السعودية",
    "홍길동@예시.한국",
    "ａｎｎ＠ｅｘａｍｐｌｅ．ｃｏｍ",
]
NUMBERS = [
    ("card", "4111 1111 1111 1111"),
    ("card", "4111111111111111"),
    ("iban", "DE89 3704 0044 0532 0130 00"),
    ("cn_id", "11010519491231002X"),
    ("phone", "+12025550123"),
    ("phone", "202-555-0123"),
    ("ipv4", "203.0.113.77"),
]
ZEROS = "０٠۰०০๐𝟎"


@pytest.mark.parametrize("address", ADDRESSES)
def test_addresses_of_all_scripts_are_masked_whole(address, refined):
    around = ["{}", "is {}.", "({})", "号码：{}，", "a\n{}\nb", "<{}>", "😀{} x", "❤️{}; x"]
    texts = [one.format(address) for one in around]
    assert refined(MaskPii(), *texts) == [one.format("<EMAIL>") for one in around]


def test_an_apostrophe_belongs_to_an_address_only_inside_a_name(refined):
    texts = ["'ann@example.com'", "f'ann@example.com'", "{'to':'ann@example.com'}"]
    texts += [f"{text} ü" for text in texts]
    wanted = [text.replace("ann@example.com", "<EMAIL>") for text in texts]
    assert refined(MaskPii(), *texts) == wanted


def test_addresses_in_scripts_without_spaces_are_told_by_what_is_no_letter(refined):
    masked = {
        "用户@例子.中国": "<EMAIL>",
        "邮箱：用户@例子.中国。谢谢": "邮箱：<EMAIL>。谢谢",
        "请写信给ann@example.com谢谢": "请写信给<EMAIL>谢谢",
        "请写信给jürgen@例子.com谢谢": "请写信给<EMAIL>谢谢",
        "ติดต่อ ผู้ใช้@ตัวอย่าง.ไทย ครับ": "ติดต่อ <EMAIL> ครับ",
        "ann@example.com으로 보내세요": "<EMAIL>으로 보내세요",
        "句" * 30 + "用户@例子.中国": None,
        "感谢@张三，以及@李四": None,
        "用户@例子": None,
        "1️⃣ann@example.com": "1️⃣<EMAIL>",
    }
    wanted = [text if mask is None else mask for text, mask in masked.items()]
    assert refined(MaskPii(), *masked) == wanted


@pytest.mark.parametrize("zero", ZEROS)
@pytest.mark.parametrize(("entity", "number"), NUMBERS)
def test_digits_of_all_scripts_count(entity, number, zero, refined):
    digits = {ord("0") + n: chr(ord(zero) + n) for n in range(10)}
    (text,) = [f"é {number} é".translate(digits)]
    assert refined(MaskPii(), text) == [f"é <{entity.upper()}> é"]
    hashed = refined(MaskPii(style="hash"), number, number.translate(digits))
    assert hashed[0] == hashed[1]


def test_full_width_letters_and_signs_count(refined):
    texts = [
        "ＧＢ２９ＮＷＢＫ６０１６１３３１９２６８１９",
        "＋１２０２５５５０１２３",
        "４１１１　１１１１　１１１１　１１１１",
    ]
    assert refined(MaskPii(), *texts) == ["<IBAN>", "<PHONE>", "<CARD>"]


@pytest.mark.parametrize("text", OTHERS)
def test_other_numbers_stay(text, refined):
    assert refined(MaskPii(), text, f"see {text} here") == [text, f"see {text} here"]


@pytest.mark.parametrize(
    "text",
    [
        "Phone: {}",
        "Tel. {}",
        "please call me on {}",
        "mobile={}",
        "Ph: {}",
        "dial {}",
        "contact us on {}",
        "电话：{}",
        "Fax {}",
        "PHONE\n{}",
    ],
)
def test_any_number_after_a_word_for_telephones_is_one(text, refined):
    texts = [text.format("358 0594"), text.format("5403926876")]
    assert refined(MaskPii(), *texts) == [text.format("<PHONE>")] * 2


def test_words_in_capitals_after_an_account_stay(refined):
    texts = ["GB29 NWBK 6016 1331 9268 19 AND MORE", "GB29NWBK60161331926819X", None, ""]
    assert refined(MaskPii(), *texts) == ["<IBAN> AND MORE", texts[1], None, ""]


def test_only_the_entities_asked_for_are_masked(refined):
    text = "a@b.org 203.0.113.77"
    assert refined(MaskPii(entities=["ipv4"]), text) == ["a@b.org <IPV4>"]
    with pytest.raises(ConfigurationError, match="entities"):
        MaskPii(entities=["name"])


def test_entities_can_go_or_leave_a_hash(refined):
    text = "4111 1111 1111 1111, 4111111111111111, a@b.org"
    assert refined(MaskPii(style="remove"), text) == [", , "]
    (hashed,) = refined(MaskPii(style="hash", salt="s"), text)
    first, second, third = hashed.split(", ")
    assert first == second != third
    assert len(first) == len("<CARD:>") + 16
    assert hashed != refined(MaskPii(style="hash"), text)[0]


def test_of_overlapping_entities_the_first_kind_counts(refined):
    assert refined(MaskPii(), "4111111111111111@example.org") == ["<EMAIL>"]
    assert refined(MaskPii(), "phone 4111111111111111") == ["phone <CARD>"]


@given(st.text(st.sampled_from("0123456789 .-+()@:abXGB/é中４٣＠अि")))
def test_each_entity_found_is_masked_and_none_overlap(refined, text):
    spans = find_forms(text)
    assert all(one.end <= other.start for one, other in itertools.pairwise(spans))
    (masked,) = refined(MaskPii(), text)
    assert masked.count("<") == len(spans)


@pytest.mark.parametrize(
    "text",
    [
        "1" * 10**6,
        "1 " * 500_000,
        "a" * 10**6 + "@",
        "a@" * 500_000,
        "a@" + "b." * 500_000,
        "é" * 10**6 + "@",
        "中" * 10**6 + "@中.中",
        "é@" * 300_000,
        "中@" * 300_000,
        "é@" + "中." * 300_000,
        "a@b." + "é" * 10**6,
        "+1" * 500_000,
        "a:" * 500_000,
        "1." * 500_000,
        "GB29 " * 200_000,
        "phone " * 100_000,
        "(" * 10**6,
        "12-" * 300_000,
        "a'" * 300_000,
        "é'a" * 300_000,
    ],
)
def test_long_texts_take_linear_time(text, refined):
    started = time.process_time()
    refined(MaskPii(), text)
    assert time.process_time() - started < 30  # quadratic time would take far longer


KINDS = {
    "EMAIL_ADDRESS": "email",
    "CREDIT_CARD": "card",
    "IBAN_CODE": "iban",
    "IP_ADDRESS": "ipv4",
    "US_SSN": "us_ssn",
    "PHONE_NUMBER": "phone",
}


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"no shared data in {SHARED}")
def test_whole_entities_are_found_with_the_precision_and_recall_that_the_docstring_tells():
    hits, found, wanted = Counter(), Counter(), Counter()
    with (SHARED / "data/text/presidio_pii.jsonl").open(encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            truth = {
                (span["start_position"], span["end_position"], KINDS[span["entity_type"]])
                for span in row["spans"]
                if span["entity_type"] in KINDS
            }
            spans = {tuple(span) for span in find_forms(row["full_text"])}
            for counter, members in ((hits, truth & spans), (found, spans), (wanted, truth)):
                counter.update(entity for *_, entity in members)
    assert set(found) == set(wanted) == set(KINDS.values())
    assert {entity: hits[entity] / found[entity] for entity in found} == dict.fromkeys(found, 1.0)
    recalls = {entity: hits[entity] / wanted[entity] for entity in wanted}
    assert recalls == {**dict.fromkeys(wanted, 1.0), "phone": pytest.approx(10 / 14)}


def test_the_salt_stays_out_of_run_files_and_recipes(tmp_path):
    class Masked(Pipeline):
        def __init__(self, storage):
            super().__init__(storage)
            self.mask = MaskPii(style="hash", salt="s3cret-salt")

        def forward(self):
            self.mask.run(self.storage)

    rows = [{"text": "write to ann@example.org"}]
    report = Masked(MemoryStorage(rows)).run(tmp_path / "out.jsonl", run_dir=tmp_path / "run")
    files = [path.read_bytes() for path in report.run_dir.rglob("*") if path.is_file()]
    assert files
    assert not any(b"s3cret" in data for data in files)
    assert "s3cret" not in repr(MaskPii(salt="s3cret-salt"))


@pytest.mark.parametrize(("salt", "message"), [("*" * 10, "asterisks"), ("ä" * 33, "64 bytes")])
def test_a_salt_that_is_none_is_refused(salt, message):
    with pytest.raises(ConfigurationError, match=message) as caught:
        MaskPii(style="hash", salt=salt)
    assert salt not in str(caught.value)
