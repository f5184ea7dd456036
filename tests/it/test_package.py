"""`make install` into an empty folder: what arrives, with which rights, and that it is accepted by those who read it."""

import os
import pathlib
import re
import shutil
import stat
import subprocess
import tempfile

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("PV_BUILD", TOP / "build"))
MODULE = "usr/lib/apache2/modules/mod_hostmaster.so"
PROGRAMS = {"usr/sbin/provisiond", "usr/bin/provision", "usr/libexec/provision/provisiond-engine",
            "usr/libexec/provision/provisiond-dba", "usr/libexec/provision/provision-worker", "usr/sbin/hostmaster-setup"}  # fmt: skip
UNITS = [f"usr/lib/systemd/system/{name}.service" for name in ("provisiond", "provision-httpd", "hostmaster-httpd")]
CONF = {f"etc/provision/{name}.conf" for name in ("provisiond", "httpd", "panel-httpd", "panel")}
OTHERS = {MODULE, "usr/lib/sysusers.d/provision.conf", "usr/lib/tmpfiles.d/provision.conf",
          "usr/share/bash-completion/completions/provision", *UNITS, *CONF}
MAN = {"man1/provision.1", "man5/provisiond.conf.5", "man7/provision-driver.7", "man7/provision-protocol.7", "man8/provisiond.8", "man8/hostmaster-setup.8", "man8/mod_hostmaster.8"}


def install(dest, *variables):
    subprocess.run(["make", "-s", "-C", TOP, f"O={BUILD}", f"DESTDIR={dest}", *variables, "install"], check=True)


def files(top, *below):
    start = top.joinpath(*below)
    return {str(f.relative_to(top)) for f in start.rglob("*") if not f.is_dir()}


def below(source, target):
    """What the folder SOURCE of the tree must become below TARGET."""
    return {f"{target}/{f}" for f in files(TOP / source)}


def settings():
    return re.findall(r'^SETTING\((\w+), *\w+, *"(.*?)"', (TOP / "provisiond/settings.def").read_text(), re.M)


@pytest.fixture(scope="module")
def folder():
    """A folder whose parents are root's alone, as the daemon demands of its configuration's."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="pvpkg", dir="/var/lib"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def dest(folder):
    umask = os.umask(0o077)  # whatever root's umask is, others can read what they must
    install(folder / "dest")
    os.umask(umask)
    return folder / "dest"


def test_every_file_is_there_and_no_other(dest):
    apps = below("provisiond/apps", "usr/share/provision/apps") - {"usr/share/provision/apps/LICENSE"}
    templates = below("templates", "usr/share/provision/templates") | below("sql/migrate", "usr/share/provision/migrate")
    assert files(dest) == PROGRAMS | OTHERS | apps | templates | {f"usr/share/man/{m}" for m in MAN}


def test_all_may_read_and_only_root_may_write(dest):
    for path in [dest, *dest.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        runs = path.is_dir() or str(path.relative_to(dest)) in PROGRAMS
        # who runs the worker may not read it: so no other process of a site can reach into its own
        wanted = 0o711 if path.name == "provision-worker" else 0o755 if runs else 0o644
        assert mode == wanted, path


def test_the_configuration_names_every_directive_with_its_default(dest):
    text = (dest / "etc/provision/provisiond.conf").read_text()
    found = re.findall(r"^# .+\n#?([A-Z]\w+)(?: (.+))?$", text, re.M)
    assert found == settings()


def test_the_daemon_accepts_the_configuration(dest, folder):
    """With numbers for the accounts that an installation makes, and the places where this one is."""
    text = (dest / "etc/provision/provisiond.conf").read_text()
    text = re.sub(r" (/usr/(libexec|share)/provision|/etc/provision)", rf" {dest}\1", text)
    conf = folder / "provisiond.conf"
    conf.write_text(text.replace("EngineUser provision\n", "EngineUser 65001\n").replace("provision-db\n", "65002\n"))
    conf.chmod(0o644)
    done = subprocess.run([dest / "usr/sbin/provisiond", "-t", "-c", conf], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_accounts_and_folders_are_made(dest):
    (dest / "etc").mkdir(exist_ok=True)
    (dest / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (dest / "etc/group").write_text("root:x:0:\n")
    subprocess.run(["systemd-sysusers", f"--root={dest}", "provision.conf"], check=True)
    subprocess.run(["systemd-tmpfiles", f"--root={dest}", "--create", "provision.conf"], check=True)
    accounts = [line.split(":") for line in (dest / "etc/passwd").read_text().splitlines()[1:]]
    assert sorted((a[0], a[6]) for a in accounts) == [(name, "/usr/sbin/nologin") for name in ("hostmaster", "provision", "provision-db")]
    assert len({a[2] for a in accounts}) == 3 and all(0 < int(a[2]) < 1000 for a in accounts)
    modes = {d: stat.S_IMODE((dest / d).stat().st_mode) for d in ("run/provision", "var/lib/provision", "srv/sites", "srv/platforms",
                                                                  "etc/provision/secrets", "var/log/provision/httpd", "var/lib/hostmaster", "var/backups/provision")}  # fmt: skip
    assert modes == {"run/provision": 0o755, "var/lib/provision": 0o711, "srv/sites": 0o711, "srv/platforms": 0o755,
                     "etc/provision/secrets": 0o700, "var/log/provision/httpd": 0o750, "var/lib/hostmaster": 0o750, "var/backups/provision": 0o700}  # fmt: skip


@pytest.mark.parametrize("unit, most", [(UNITS[0], 5.0), (UNITS[1], 4.0), (UNITS[2], 4.0)])
def test_the_units_are_right_and_tight(dest, folder, unit, most):
    """Verified as a copy whose programs are the ones that were installed."""
    copy = folder / pathlib.Path(unit).name
    copy.write_text((dest / unit).read_text().replace("=/usr/sbin/provisiond", f"={dest}/usr/sbin/provisiond"))
    subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", copy], check=True)
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", dest / unit], check=True,
                          capture_output=True, text=True)  # fmt: skip
    exposure = float(re.search(r"exposure level for .*: ([\d.]+)", done.stdout).group(1))
    assert exposure <= most


def test_the_unit_leaves_the_capabilities_that_the_daemon_keeps(dest):
    kept = re.search(r"kept\[\] = \{(.*?)\}", (TOP / "provisiond/root/harden.c").read_text(), re.S).group(1)
    unit = " ".join(re.findall(r"^CapabilityBoundingSet=(.*)$", (dest / UNITS[0]).read_text(), re.M))
    assert set(unit.split()) == set(re.findall(r"CAP_\w+", kept))


def test_the_unit_lets_the_daemon_write_in_its_own_folders(dest):
    """A folder that is missing here is one that the daemon cannot make: it would not start. SecretsDir is only read."""
    writable = " ".join(re.findall(r"^ReadWritePaths=(.*)$", (dest / UNITS[0]).read_text(), re.M)).split()
    made = re.findall(r"^d (\S+)", (dest / "usr/lib/tmpfiles.d/provision.conf").read_text(), re.M)
    folders = {name: value for name, value in settings() if name in ("RunDir", "StateDir", "SitesRoot", "PlatformRoot", "BackupRoot", "LogDir")}
    assert len(folders) == 6
    for name, folder in folders.items():
        assert folder in writable and folder in made, name


def test_a_changed_configuration_is_kept_and_the_rest_renewed(dest):
    conf, program = dest / "etc/provision/provisiond.conf", dest / "usr/sbin/provisiond"
    conf.write_text("RunDir /run/mine\n")
    program.write_text("old")
    install(dest)
    assert conf.read_text() == "RunDir /run/mine\n"
    assert program.stat().st_size > 1000


def test_another_prefix_moves_every_name(folder):
    """Own places below /opt: no file names /usr's or /etc's ones any more."""
    other = folder / "other"
    install(other, "prefix=/opt/pv", "sysconfdir=/opt/pv/etc", "moduledir=/opt/pv/modules")
    assert {f.split("/")[0] for f in files(other)} == {"opt"}
    names = re.compile(r"/usr/(sbin|bin|libexec|share)/provision|(?<!/opt/pv)/etc/provision|/usr/lib/apache2/modules/mod_hostmaster")
    for path in (*(other / "opt/pv/etc").iterdir(),
                 *(other / "opt/pv/lib").rglob("*.service"), *(other / "opt/pv/lib").rglob("*.conf")):  # fmt: skip
        assert not names.search(path.read_text()), path
