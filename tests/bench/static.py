"""100 static sites queued at once, against a script that makes the same sites one by one."""

from measure import alternate, line, ratios, timed, told
from script import PORT
from world import World, fresh

SITES = 100
BASELINE = ("one by one: folders with their owner, a page, a vhost file, `apache2 -t`, `apache2 -k graceful` (what apachectl runs), asked"
            " for every 2 ms until it is served")


def static_100():
    with World() as world:
        platform, httpd, reloads = world.static_platform(), world.script(), []

        def ours(_):
            names = [fresh("ours") for _ in range(SITES)]
            before = world.revs()
            took = timed(lambda: world.await_tasks([world.begin_site(name, platform)[1] for name in names]))
            reloads.append(len(world.revs() - before))
            world.prove(names)
            return took

        def theirs(_):
            httpd.clear()
            names = [fresh("theirs") for _ in range(SITES)]
            took = timed(lambda: [httpd.add_site(name) for name in names])
            world.prove(names, PORT)
            return took

        mine, his = alternate(ours, theirs)
    line("static-100", ratios(his, mine), ">=2.00", f"{SITES} static sites one by one by a script against all queued at once"
         f" (script {told(his)}, ours {told(mine)}, reloads {max(reloads)} at most, of 5)")


ROWS = {"static-100": static_100}
