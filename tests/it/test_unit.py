"""provisiond under what its unit file takes away."""

import os
import re
import subprocess

from lab import Lab
from lab.lab import TREE

HERE = os.path.dirname(os.path.abspath(__file__))
ADDRESS = "192.0.2.7"


def test_a_site_is_installed_and_served_as_the_unit_starts_provisiond():
    with Lab() as lab:
        program = f"{lab.folder}/bin/provisiond"
        os.rename(program, f"{program}.real")
        with open(program, "w", encoding="utf-8") as f:
            f.write(f'#!/bin/sh\nexec {HERE}/unit.py {TREE}/conf/provisiond.service {program}.real "$@"\n')
        os.chmod(program, 0o755)
        with lab.netns.entered():
            subprocess.run(["ip", "address", "add", f"{ADDRESS}/32", "dev", "lo"], check=True)
        with open(lab.httpd_conf, encoding="utf-8") as f:
            text = f.read()
        with open(lab.httpd_conf, "w", encoding="utf-8") as f:
            f.write(re.sub("^Listen 80$", f"Listen 80\nListen {ADDRESS}:8080", text, flags=re.M))
        lab.start().with_server().with_tiny()
        lab.install("unit.test", "tiny", "db_server=@server_main")
        assert lab.get("unit.test")[0] == 200
        with open(f"/proc/{lab.daemon.pid}/status", encoding="ascii") as f:
            assert re.search(r"^NoNewPrivs:\s+0$", f.read(), re.M)  # or no site could send mail
