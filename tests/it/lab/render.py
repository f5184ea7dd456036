"""A second engine for the panel's templates, written from the words of template.h alone: what a page must be, made of its JSON."""

import html.parser
import time
import urllib.parse
import xml.etree.ElementTree as ET

HM = "{urn:hostmaster}"
CONTROL = ("text", "if", "unless", "each", "include")
FLAGS = ("checked", "selected", "disabled", "open", "hidden", "required")
URLS = ("href", "src", "action", "formaction")
VOID = ("area", "base", "br", "col", "hr", "img", "input", "link", "meta", "wbr")


def stamp(form):
    return lambda t: time.strftime(form, time.gmtime(t // 10**6)) if t else ""


def ago(t):
    if not t:
        return "never"
    s = int(time.time() - t / 1e6)
    for unit, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if s >= unit:
            return f"{s // unit} {name}{'s' if s // unit > 1 else ''} ago"
    return "just now" if s < 10 else f"{s} seconds ago"


def duration(t):
    s = t // 10**6
    if t <= 0:
        return ""
    if s < 60:
        return f"{s}.{t // 10**5 % 10} s"
    return f"{s // 60} min {s % 60} s" if s < 3600 else f"{s // 3600} h {s // 60 % 60} min"


def size(n):
    if n < 1024:
        return f"{n} B"
    units = ["KiB", "MiB", "GiB", "TiB", "PiB"]
    while n >= 1024 * 1024 and len(units) > 1:
        n, units = n // 1024, units[1:]
    return f"{n // 1024}.{n % 1024 * 10 // 1024} {units[0]}"


FILTERS = {"time": stamp("%Y-%m-%d %H:%M:%S"), "clock": stamp("%H:%M:%S"), "date": stamp("%Y-%m-%d"), "iso": stamp("%Y-%m-%dT%H:%M:%SZ"), "ago": ago,
           "duration": duration, "bytes": size, "number": lambda n: f"{n or 0:,}", "first": lambda s: s[:1]}  # fmt: skip


class Page:
    """The tokens of a page: (tag, attributes), text between them, ("/", tag)."""

    def __init__(self, folder, view, shared):
        self.folder, self.view, self.shared = folder, view, shared
        self.tokens, self.page = [], None

    def render(self, name):
        self.page = ET.parse(f"{self.folder}/{name}.xml").getroot()
        self.element(ET.parse(f"{self.folder}/layout.xml").getroot(), {"page_title": self.parts(self.page.get("title") or "", {}, False)})
        return joined(self.tokens)

    def value(self, expression, loops):
        path, _, wanted = expression.partition("=")
        path, _, filtered = path.partition("|")
        names = path.lstrip("#").split(".")
        at = self.shared if path[0] == "#" else {**self.view, **loops}
        for name in names:
            at = at.get(name) if isinstance(at, dict) else None
        if filtered:
            at = FILTERS[filtered](at or ("" if filtered == "first" else 0))
        return self.text(at) == wanted if wanted else at

    @staticmethod
    def text(value):
        return "true" if value is True else str(value) if isinstance(value, (str, int)) and value is not False else ""

    def parts(self, text, loops, url):
        whole, made = url and text.startswith("{") and text.find("}") == len(text) - 1, ""
        for n, part in enumerate(text.replace("}", "{").split("{")):
            value = self.text(self.value(part, loops)) if n % 2 else part
            made += urllib.parse.quote(value, safe="-._~") if n % 2 and url and not whole else value
        return made

    def element(self, el, loops):
        if f"{HM}each" in el.attrib:
            name, _, path = el.get(f"{HM}each").partition(" in ")
            for row in self.value(path, loops) or []:
                self.guarded(el, {**loops, name: row})
        else:
            self.guarded(el, loops)

    def guarded(self, el, loops):
        if f"{HM}if" in el.attrib and not self.value(el.get(f"{HM}if"), loops):
            return
        if f"{HM}unless" in el.attrib and self.value(el.get(f"{HM}unless"), loops):
            return
        if f"{HM}include" in el.attrib:
            root = ET.parse(f"{self.folder}/{el.get(f'{HM}include')}.xml").getroot()
            self.children(root, loops)
        elif el.tag == f"{HM}content":
            self.children(self.page, loops)
        elif el.tag.startswith(HM):
            self.children(el, loops)
        else:
            self.plain(el, loops)

    def plain(self, el, loops):
        attributes = {}
        for name, value in el.attrib.items():
            short = name.removeprefix(HM)
            if not name.startswith(HM):
                attributes[name] = value
            elif short in FLAGS:
                attributes.update({short: None} if self.value(value, loops) else {})
            elif short not in CONTROL:
                attributes[short] = self.parts(value, loops, short in URLS)
        self.tokens.append((el.tag, attributes))
        if el.tag in VOID:
            return
        if f"{HM}text" in el.attrib:
            self.tokens.append(self.text(self.value(el.get(f"{HM}text"), loops)))
        else:
            self.children(el, loops)
        self.tokens.append(("/", el.tag))

    def children(self, el, loops):
        self.tokens.append(el.text or "")
        for child in el:
            self.element(child, loops)
            self.tokens.append(child.tail or "")


class Reader(html.parser.HTMLParser):
    """The same tokens, of a page as it came."""

    def __init__(self, text):
        super().__init__()
        self.tokens = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tokens.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        self.tokens.append(("/", tag))

    def handle_data(self, data):
        self.tokens.append(data)


def joined(tokens):
    """Text in one piece, white space as one space."""
    made = []
    for token in tokens:
        if isinstance(token, str) and made and isinstance(made[-1], str):
            made[-1] += token
        else:
            made.append(token)
    made = [" ".join(token.split()) if isinstance(token, str) else token for token in made]
    return [token for token in made if token != ""]


def read(text):
    return joined(Reader(text).tokens)
