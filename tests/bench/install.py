"""The install of a CMS site as a task, against the CMS's own installer run bare, plus one preflight and reload measured by itself."""

import os

from code_base import Drupal, WordPress
from measure import alternate, line, ratios, timed, told
from world import World, fresh

BASELINE = ("database, login and grants by `mariadb -e`, the settings file, the CMS's own installer called by PHP on the command line, its"
            " front page fetched through httpd and a PHP-FPM that was just started, as ours was; beside it the step `publish` of an"
            " enable: preflight, new PHP-FPM master, reload, proof")


class Switch:
    """A site that is turned off and on again, for what one preflight and reload take by themselves."""

    def __init__(self, world, install, platform):
        self.world = world
        self.site, task = install(fresh("switch"), platform)
        world.await_tasks([task])

    def measure(self, _):
        for kind in ("disable", "enable"):
            self.world.quiet()
            self.world.await_tasks([self.world.begin_task(self.site, kind)])
        return self.world.steps(self.site, "publish")


def compare(name, world, platform, install, code):
    """The row: INSTALL queues ours on PLATFORM, CODE is theirs."""
    switch = Switch(world, install, platform)

    def ours(_):
        world.quiet()
        host = fresh("ours")
        took = timed(lambda: world.await_tasks([install(host, platform)[1]]))
        world.prove([host])
        return took

    def theirs(_):
        code.pool.start()
        host = code.fresh()
        return timed(lambda: code.install(host))

    mine, his, reload = alternate(ours, theirs, switch.measure)
    allowed = [bare + once for bare, once in zip(his, reload)]
    line(name, ratios(mine, allowed), "<=1.10", f"whole install task against the bare installer plus one preflight and reload"
         f" (ours {told(mine)}, bare {told(his)}, preflight and reload {told(reload)})")


def wordpress():
    with World() as world:
        compare("install-wordpress", world, world.wordpress_platform(), world.begin_cms, WordPress(world, world.script()))


def drupal():
    source = os.environ.get("DRUPAL10_ROOT")
    if not source:
        print("install-drupal skipped: DRUPAL10_ROOT names no code base", flush=True)
        return
    with World() as world:
        platform = world.copied_platform("drupal", source)
        compare("install-drupal", world, platform, world.begin_cms, Drupal(world, world.script(), source))


ROWS = {"install-wordpress": wordpress, "install-drupal": drupal}
