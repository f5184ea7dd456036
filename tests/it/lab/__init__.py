"""The lab: a private world for integration tests, real to the last part.

A Lab is a folder of its own, a network namespace of its own, a MariaDB server, the daemon with all its processes, and the sites
httpd and PHP-FPM that the daemon starts. Nothing is mocked. Everything in it is ended and removed when it is closed, whatever
happened before; what a killed run left behind is removed by the next.
"""

from .inventory import difference
from .lab import Lab
from .wait import until

__all__ = ["Lab", "difference", "until"]
