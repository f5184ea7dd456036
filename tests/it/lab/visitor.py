"""A visitor of a site: keeps cookies, follows the redirects, and fills in the forms that a page shows, files included."""

import contextlib
import html.parser
import http.client
import http.cookies
import secrets
import socket
import urllib.parse


class Form:
    """What a browser would send of a form, and its buttons."""

    def __init__(self, attributes):
        self.action, self.method = attributes.get("action") or "", (attributes.get("method") or "get").upper()
        self.fields, self.buttons, self.files = {}, {}, []

    def add(self, tag, row):
        name, kind = row.get("name"), row.get("type", "text") if tag == "input" else tag
        if not name or "disabled" in row:
            return
        if kind in ("submit", "button"):
            self.buttons[row.get("value", "")] = name
        elif kind == "file":
            self.files.append(name)
        elif kind not in ("checkbox", "radio") or "checked" in row:
            self.fields[name] = row.get("value", "on" if kind == "checkbox" else "") or ""


class Forms(html.parser.HTMLParser):
    """The forms of a page."""

    def __init__(self, text):
        super().__init__()
        self.forms, self.open, self.into = [], None, None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        row = dict(attrs)
        if tag == "form":
            self.open = Form(row)
            self.forms.append(self.open)
        elif self.open and tag in ("input", "button"):
            self.open.add(tag, row)
        elif self.open and tag in ("textarea", "select"):
            self.into = row.get("name")
            self.open.fields.setdefault(self.into, "")
        elif self.open and tag == "option" and (self.open.fields[self.into] == "" or "selected" in row):
            self.open.fields[self.into] = row.get("value", "")

    def handle_data(self, data):
        if self.open and self.into and self.lasttag == "textarea":
            self.open.fields[self.into] += data

    def handle_endtag(self, tag):
        if tag == "form":
            self.open = None
        elif tag in ("textarea", "select"):
            self.into = None


def multipart(fields, files):
    """Content type and body; FILES: field => (name, bytes)."""
    line = secrets.token_hex(16)
    parts = [f'--{line}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields.items()]
    parts += [f'--{line}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
              f"Content-Type: application/octet-stream\r\n\r\n".encode() + data + b"\r\n" for field, (name, data) in files.items()]
    return f"multipart/form-data; boundary={line}", b"".join(parts) + f"--{line}--\r\n".encode()


class Visitor:
    """FETCH(path, method, body, headers) gives status, headers and text."""

    def __init__(self, fetch):
        self.fetch, self.cookies, self.path = fetch, {}, "/"

    def send(self, path, method="GET", body=None, kind=None):
        for _ in range(6):
            self.path = path
            headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
            page = self.fetch(path, method, body, {**headers, **({"Content-Type": kind} if kind else {})})
            for line in page.headers.get_all("Set-Cookie") or []:
                self.cookies.update({k: m.value for k, m in http.cookies.SimpleCookie(line).items()})
            if page.status not in (301, 302, 303, 307):
                return page
            url = urllib.parse.urlsplit(urllib.parse.urljoin(path, page.headers["Location"]))
            path, method, body, kind = f"{url.path}?{url.query}" if url.query else url.path, "GET", None, None
        raise AssertionError("too many redirects")

    def use(self, url):
        """Opens a one-time login link and presses its button, where it has one."""
        page = self.send(urllib.parse.urlsplit(url).path)
        forms = [f for f in Forms(page.text).forms if "/user/reset/" in f.action]
        return self.press(forms[0], next(iter(forms[0].buttons))) if forms else page

    def form(self, page, has):
        """The page's form that has a field or a button of that name."""
        forms = [f for f in Forms(page.text).forms if has in f.fields or has in f.buttons or has in f.files]
        assert forms, f"no form with {has} on {self.path}: {page.status}\n{page.text[:3000]}"
        return forms[0]

    def press(self, form, button, files=None, **fields):
        """Sends it with that button. What the fields hold takes the place of what the page says, None: nothing does."""
        sent = {**form.fields, form.buttons[button]: button, **fields}
        sent = {name: value for name, value in sent.items() if name and value is not None}
        kind, body = (multipart(sent, files or {}) if form.files else
                      ("application/x-www-form-urlencoded", urllib.parse.urlencode(sent)))
        return self.send(urllib.parse.urljoin(self.path, form.action), form.method, body, kind)


def of_lab(lab, host, port=80):
    """A visitor of a site of the lab."""
    class Page:
        def __init__(self, answer):
            self.status, self.headers, self.body = answer.status, answer.headers, answer.read()
            self.text = self.body.decode(errors="replace")

    def fetch(path, method, body, headers):
        with lab.netns.entered():
            connection = socket.create_connection(("127.0.0.1", port), timeout=60)
        client = http.client.HTTPConnection(host, port, timeout=60)
        client.sock = connection
        with contextlib.closing(client):
            client.request(method, path, body, {"Host": host, "Connection": "close", **headers})
            return Page(client.getresponse())

    return Visitor(fetch)
