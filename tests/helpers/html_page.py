"""A page of a report, read as HTML: its elements with their attributes."""

from html.parser import HTMLParser

VOID = {"meta", "input", "br", "link"}


class Page(HTMLParser):
    """Elements with their attributes; fails on a tag that closes another element."""

    def __init__(self, text, *, closed=True):
        super().__init__()
        self.elements, self._open = [], []
        self._strict = closed
        self.feed(text)
        assert not closed or self._open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        if self._strict:
            assert self._open.pop() == tag

    def of(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]
