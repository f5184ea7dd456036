"""The front page of a WordPress site as visitors get it, its code compiled and its caches filled."""

from code_base import WordPress
from measure import CONNECTIONS, SECONDS, Wrk, alternate, line, ratios, told
from script import PORT
from world import World, fresh

BASELINE = (f"wrk with {CONNECTIONS} connections, {SECONDS} s a run: a WordPress that its own installer made, of the same code base, on an"
            " httpd with the same base configuration and a PHP-FPM with the settings that it has by itself, 8 processes like ours")


def wordpress():
    with World() as world:
        ours, code = fresh("ours"), WordPress(world, world.script())
        world.await_tasks([world.begin_cms(ours, world.wordpress_platform())[1]])
        theirs = code.fresh()
        code.install(theirs)
        wrk = Wrk(world.lab.netns)

        def visit(host, port):
            wrk.rate(f"http://127.0.0.1:{port}/", host)  # for nothing: it starts the processes
            return wrk.rate(f"http://127.0.0.1:{port}/", host)

        mine, his = alternate(lambda _: visit(ours, 80), lambda _: visit(theirs, PORT))
        line("visit-wordpress", ratios(mine, his), ">=0.95", f"front page of a WordPress site, ours against one by hand"
             f" (ours {told(mine, '/s', 0)}, by hand {told(his, '/s', 0)})")


ROWS = {"visit-wordpress": wordpress}
