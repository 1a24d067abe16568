"""The page of a run, parsed: what stands in it and where, as tests ask."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "br", "hr", "img", "link", "input"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str | None]
    children: list[Element | str] = field(default_factory=list)

    def all(self, tag: str | None = None, **attributes: str) -> list[Element]:
        """Return the elements within it, itself included; ``class_`` is one of the classes."""
        found = [self] if self._matches(tag, attributes) else []
        for child in self.children:
            if isinstance(child, Element):
                found += child.all(tag, **attributes)
        return found

    def one(self, tag: str | None = None, **attributes: str) -> Element:
        (found,) = self.all(tag, **attributes)
        return found

    @property
    def text(self) -> str:
        parts = [child if isinstance(child, str) else child.text for child in self.children]
        return "".join(parts)

    @property
    def words(self) -> str:
        return " ".join(self.text.split())

    def _matches(self, tag: str | None, attributes: dict[str, str]) -> bool:
        classes = (self.attributes.get("class") or "").split()
        wanted = dict(attributes)
        cls = wanted.pop("class_", None)
        return (
            (tag is None or tag == self.tag)
            and (cls is None or cls in classes)
            and all(self.attributes.get(name) == value for name, value in wanted.items())
        )


class Parser(HTMLParser):
    """Builds the tree; an element that is not closed where it belongs is an error."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {})
        self.open = [self.root]

    def handle_starttag(self, tag, attrs):
        assert len(dict(attrs)) == len(attrs), f"an attribute twice: {tag} {attrs}"
        element = Element(tag, dict(attrs))
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.open[-1].children.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open[-1].tag == tag, f"</{tag}> within <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data):
        self.open[-1].children.append(data)


def parsed(html: str) -> Element:
    """Return the page's tree, after checking that it is closed, loads nothing and runs nothing."""
    parser = Parser()
    parser.feed(html)
    parser.close()
    assert parser.open == [parser.root]
    elements = parser.root.all()
    ids = [element.attributes["id"] for element in elements if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    for element in elements:
        assert element.tag not in {"script", "img", "link", "iframe", "object", "base", "form"}
        for name, value in element.attributes.items():
            assert not name.startswith("on")
            if name in {"src", "srcset", "href"}:
                assert value in {f"#{one}" for one in ids}
            if name in {"aria-labelledby", "aria-describedby"}:
                assert set((value or "").split()) <= set(ids)
    css = parser.root.one("style").text
    assert "@import" not in css
    assert "url(" not in css.replace("url(#cut)", "")
    return parser.root
