"""Every kind of task, as rows: what is asked, what makes the state before it, and the way back to that state from its end.

Words are those of the command line, with {bid} for the site's newest backup and {top} for the lab's folder. The site, platform and
server that they make are the only ones that change; what each task then does to them, a run of it that nobody kills shows.
"""

import contextlib
import dataclasses
import os

HOST = "c.test"
SERVER = "verify @server_more http=apache http_port=80 db=mariadb db_auth=socket"
PLATFORM = "verify @platform_more server=@server_main place={top}/platforms/more source={top}/sources/pages"
ADOPT = "verify @platform_own server=@server_main place={top}/platforms/own"
INSTALL = f"install @{HOST} platform=@platform_tiny db_server=@server_main title='Title of {HOST}'"
BACKUP = f"backup @{HOST}"
DELETE = f"delete @{HOST} backup=no"
FORGET = f"backup_delete @{HOST} bid={{bid}}"
RESTORE = f"restore @{HOST} bid={{bid}}"


def drift(yard):
    """What verify finds and repairs, but for what a reload of httpd would show."""
    lab = yard.lab
    site = lab.site(HOST)
    home = f"{lab.folder}/sites/{site['id']}"
    os.chmod(f"{home}/tmp", 0o755)
    os.chmod(f"{home}/etc/db", 0o440)
    os.unlink(f"{lab.folder}/platforms/tiny/sites/{site['id']}")
    lab.database.ask(f"DROP USER '{site['id']}'@'localhost'")
    for service in ("httpd", "fpm"):
        with open(f"{lab.folder}/state/{service}/live/{site['id']}.conf", "a", encoding="utf-8") as f:
            f.write("# changed by hand\n")


def unproven(yard):
    """The daemon began while httpd's own configuration was broken, so it has not proven yet what is served."""
    with open(yard.lab.httpd_conf, "a", encoding="utf-8") as f:
        size = f.tell()
        f.write("Nonsense\n")
    yard.restart()
    os.truncate(yard.lab.httpd_conf, size)


@contextlib.contextmanager
def broken_page(lab):
    """No page of the platform's sites lets itself be read, so that no task that looks at one succeeds."""
    path = f"{lab.folder}/platforms/tiny/index.php"
    with open(path, encoding="utf-8") as f:
        kept = f.read()
    try:
        with open(path, "w", encoding="utf-8") as f:
            f.write("<?php http_response_code(500);")
        yield
    finally:
        with open(path, "w", encoding="utf-8") as f:
            f.write(kept)


@dataclasses.dataclass(frozen=True)
class Task:
    name: str
    type: str  # of the job that is killed; its steps are those of this type's plan
    kind: str
    words: str
    before: tuple = ()
    back: tuple = ()
    drift: object = None  # what is damaged before each run of it
    around: object = contextlib.nullcontext  # what holds during all of them
    fails: bool = False  # it is undone even if nobody kills anything
    keeps: bool = False  # in a lab that keeps its trash
    heals: tuple = ()  # steps that a new life has done before it resumes the job
    leaves: tuple = ()  # steps that another task shows better

    @property
    def breaks_page(self):
        return self.around is broken_page


TASKS = [
    Task("verify_server", "verify", "SERVER", SERVER, back=("delete @server_more",)),
    Task("verify_server_again", "verify", "SERVER", "verify @server_more", before=(SERVER,)),
    Task("delete_server", "delete", "SERVER", "delete @server_more", before=(SERVER,), back=(SERVER,)),
    Task("verify_platform", "verify", "PLATFORM", PLATFORM, back=("delete @platform_more",), leaves=("packages",)),
    Task("verify_platform_again", "verify", "PLATFORM", "verify @platform_more", before=(PLATFORM,), leaves=("packages",)),
    Task("verify_platform_fails", "verify", "PLATFORM", PLATFORM + " app=tiny", fails=True, leaves=("packages",)),
    Task("adopt_platform", "verify", "PLATFORM", ADOPT, back=("delete @platform_own",), leaves=("packages",)),
    Task("run_on_platform", "run", "PLATFORM", "run @platform_tiny verb=weigh"),
    Task("delete_platform", "delete", "PLATFORM", "delete @platform_more", before=(PLATFORM,), back=(PLATFORM,)),
    Task("purge_platform", "purge", "PLATFORM", "delete @platform_more", before=(PLATFORM,), back=(PLATFORM,)),
    Task("install", "install", "SITE", INSTALL, back=(DELETE,)),
    Task("install_fails", "install", "SITE", INSTALL + " profile=untitled", fails=True),
    Task("verify", "verify", "SITE", f"verify @{HOST}", before=(INSTALL,), leaves=("httpd",)),
    Task("verify_drift", "verify", "SITE", f"verify @{HOST}", before=(INSTALL,), drift=drift, leaves=("httpd",)),
    Task("verify_unproven", "verify", "SITE", f"verify @{HOST}", before=(INSTALL,), drift=unproven, heals=("httpd",)),
    Task("verify_names", "verify", "SITE", f"verify @{HOST} aliases=d.test", before=(INSTALL,), back=(f"verify @{HOST} aliases=",)),
    Task("verify_fails", "verify", "SITE", f"verify @{HOST} aliases=d.test", before=(INSTALL,), around=broken_page, fails=True),
    Task("disable", "disable", "SITE", f"disable @{HOST}", before=(INSTALL,), back=(f"enable @{HOST}",)),
    Task("enable", "enable", "SITE", f"enable @{HOST}", before=(INSTALL, f"disable @{HOST}"), back=(f"disable @{HOST}",)),
    Task("run", "run", "SITE", f"run @{HOST} verb=status", before=(INSTALL,)),
    Task("backup", "backup", "SITE", BACKUP, before=(INSTALL,), back=(FORGET,)),
    Task("backup_delete", "backup_delete", "SITE", FORGET, before=(INSTALL, BACKUP), back=(BACKUP,)),
    Task("restore", "restore", "SITE", RESTORE, before=(INSTALL, BACKUP)),
    Task("restore_database", "restore", "SITE", RESTORE + " only=database", before=(INSTALL, BACKUP)),
    Task("restore_files", "restore", "SITE", RESTORE + " only=files", before=(INSTALL, BACKUP)),
    Task("restore_fails", "restore", "SITE", RESTORE, before=(INSTALL, BACKUP), around=broken_page, fails=True),
    Task("restore_deleted", "restore", "SITE", RESTORE, before=(INSTALL, BACKUP, DELETE), back=(DELETE,)),
    Task("restore_trashed", "restore", "SITE", RESTORE, before=(INSTALL, BACKUP, DELETE), back=(DELETE,), keeps=True),
    Task("delete", "delete", "SITE", f"delete @{HOST}", before=(INSTALL,), back=(FORGET, INSTALL)),
    Task("purge_site", "purge", "SITE", DELETE, before=(INSTALL,), back=(INSTALL,)),
]
