"""A visitor of other sites: asks without pause on new connections, and remembers every answer that was not as it should be."""

import contextlib
import threading

from .wait import until


class Prober(threading.Thread):
    def __init__(self, lab, host, path="/", text=""):
        super().__init__(daemon=True)
        self.lab, self.host, self.path, self.text = lab, host, path, text
        self.asked, self.failed, self.over = 0, [], threading.Event()

    def run(self):
        while not self.over.wait(0.02):
            try:
                status, body = self.lab.get(self.host, f"{self.path}?n={self.asked}", seconds=10)
                wrong = None if status == 200 and self.text in body else f"{status}: {body[:200]}"
            except OSError as error:
                wrong = repr(error)
            self.asked += 1
            if wrong:
                self.failed.append(wrong)


@contextlib.contextmanager
def probing(lab, host, path="/", text=""):
    """Fails at its end if the site lost a request meanwhile. The first was answered before anything else happens."""
    prober = Prober(lab, host, path, text)
    prober.start()
    try:
        until(lambda: prober.asked, 20, f"the first answer of {host}")
        yield prober
    finally:
        prober.over.set()
        prober.join(30)
    assert not prober.failed, f"{host} lost {len(prober.failed)} of {prober.asked} requests: {prober.failed[:3]}"
