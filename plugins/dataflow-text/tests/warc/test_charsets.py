"""Encodings of pages: what is declared, what the bytes are, and never a wrong text unannounced."""

from __future__ import annotations

import pytest

CHINESE = "今天天气很好，我们一起去公园散步。这是一个测试页面，用来检查编码检测。"
JAPANESE = "今日はとても良い天気ですので、公園へ散歩に行きましょう。"
RUSSIAN = "Сегодня хорошая погода, и мы идём гулять в парк. Это проверка кодировки страницы."
FRENCH = "Les élèves français étaient très âgés, et naïfs à Noël."


@pytest.fixture
def read(record, answer, row_of):
    """Return page, encoding, its origin and the replaced characters of a body."""

    def found(body, content_type="text/html"):
        row = row_of(record(answer(body, content_type)))
        assert row["problem"] is None
        return row["html"], row["charset"], row["charset_origin"], row["replaced_characters"]

    return found


def page(text, meta=""):
    return f"<html><head>{meta}<title>{text[:9]}</title></head><body><p>{text}</p></body></html>"


@pytest.mark.parametrize(
    ("text", "encoding", "header", "meta", "charset", "origin"),
    [
        (FRENCH, "utf-8", "utf-8", "", "utf-8", "header"),
        (FRENCH, "utf-8", "UTF8", "latin-1", "utf-8", "header"),
        (FRENCH, "latin-1", "iso-8859-1", "", "cp1252", "header"),
        ("“quoted” – €", "cp1252", "ISO-8859-1", "", "cp1252", "header"),
        (CHINESE, "gb18030", "", "gb2312", "gb18030", "meta"),
        ("𠀀 and 〇", "gb18030", "gbk", "", "gb18030", "header"),
        (JAPANESE, "shift_jis", "", "Shift_JIS", "cp932", "meta"),
        (JAPANESE, "cp932", "x-sjis", "", "cp932", "header"),
        (JAPANESE, "euc_jp", "euc-jp", "", "euc_jp", "header"),
        (JAPANESE, "iso2022_jp", "iso-2022-jp", "", "iso2022_jp", "header"),
        ("오늘은 날씨가 좋아서", "cp949", "ks_c_5601-1987", "", "cp949", "header"),
        ("繁體中文的網頁", "big5", "big5", "", "big5hkscs", "header"),
        (RUSSIAN, "koi8-r", "koi8-r", "", "koi8-r", "header"),
        (RUSSIAN, "utf-16-le", "utf-16", "", "utf-16-le", "header"),
        # Nothing declared, or nothing that is an encoding.
        (CHINESE, "utf-8", "", "", "utf-8", "content"),
        (CHINESE, "utf-8", "none", "base64", "utf-8", "content"),
        (CHINESE, "utf-8", "utf-7", "", "utf-8", "content"),
        # Servers that call everything Latin-1, and pages that were converted without their tag.
        (CHINESE, "utf-8", "iso-8859-1", "", "utf-8", "content"),
        (RUSSIAN, "utf-8", "", "windows-1252", "utf-8", "content"),
        (RUSSIAN, "utf-8", "koi8-r", "windows-1251", "utf-8", "content"),
        (CHINESE, "utf-8", "gb2312", "", "utf-8", "content"),
        (CHINESE, "utf-8", "", "utf-16", "utf-8", "meta"),
        # What is declared first and cannot be gives way to what is declared next.
        (CHINESE, "gb18030", "utf-8", "gb2312", "gb18030", "meta"),
    ],
)
def test_the_encoding_is_found(read, text, encoding, header, meta, charset, origin):
    tag = f'<meta http-equiv="Content-Type" content="text/html; charset={meta}">' if meta else ""
    whole = page(text * 5, tag)
    body = whole.encode(encoding)
    kind = f"text/html; charset={header}" if header else "text/html"
    assert read(body, kind) == (whole, charset, origin, 0)


@pytest.mark.parametrize(("encoding", "charset"), [("utf-8-sig", "utf-8"), ("utf-16", "utf-16-le")])
def test_a_byte_order_mark_comes_before_all(read, encoding, charset):
    whole = page(JAPANESE)
    found = read(whole.encode(encoding), "text/html; charset=iso-8859-1")
    assert found == (whole, charset, "bom", 0)


def test_xml_declarations_count(read):
    whole = '<?xml version="1.0" encoding="windows-1251"?>' + page(RUSSIAN)
    kind = "application/xhtml+xml"
    assert read(whole.encode("cp1251"), kind) == (whole, "cp1251", "meta", 0)


def test_a_few_broken_bytes_are_replaced_and_counted(read):
    body = page(CHINESE * 9).encode()
    cut = body.replace("天".encode(), "天".encode()[:2], 2)
    html, charset, origin, replaced = read(cut, "text/html; charset=utf-8")
    assert (charset, origin, replaced) == ("utf-8", "header", 2)
    assert html.count("\ufffd") == 2
    assert html.replace("\ufffd", "天") == body.decode()


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (RUSSIAN, "cp1251"),
        (FRENCH, "cp1252"),
        (CHINESE, "gb18030"),
        (JAPANESE, "shift_jis"),
        (JAPANESE, "euc_jp"),
    ],
)
@pytest.mark.parametrize("header", ["", "; charset=utf-8"])
def test_an_encoding_that_nothing_tells_is_detected_and_said_to_be(read, text, encoding, header):
    whole = page(text * 8)
    html, _, origin, replaced = read(whole.encode(encoding), f"text/html{header}")
    assert (html, origin, replaced) == (whole, "detected", 0)


def test_what_decides_may_stand_far_behind(read):
    whole = page("plain words " * 20_000 + RUSSIAN * 8)
    assert read(whole.encode("cp1251")) == (whole, "cp1251", "detected", 0)
