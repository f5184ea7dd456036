"""What one more static site costs where 1, 100, 1,000 and, with BENCH_BIG, 10,000 are served already."""

from measure import BIG, alternate, line, median, ratios, timed, told
from populate import static_sites
from world import World, fresh

THERE = (1, 100, 1000) + ((10_000,) if BIG else ())
BASELINE = ("the same with one site there, plus what httpd's own reload of as many vhosts takes longer (`apache2 -t`, `apache2 -k graceful`,"
            " asked until served); the others are put there as rows, files and links copied from one real install, theirs as files")


def _measure(world, httpd):
    """Seconds of an install and of httpd's own reload, as many as there are runs of each."""
    platform = world.static_platform()

    def ours(_):
        world.quiet()
        return timed(lambda: world.await_tasks([world.begin_site(fresh("cost"), platform)[1]]))

    def theirs(_):
        host = fresh("theirs")
        httpd.put_site(host)
        return timed(lambda: httpd.reload(host))

    return alternate(ours, theirs)


def cost():
    with World() as world:
        httpd, there, first = world.script(), 0, None
        for count in THERE:
            static_sites(world, count - there)
            for _ in range(count - there):
                httpd.put_site(fresh("theirs"))
            there = count
            mine, his = _measure(world, httpd)
            if first is None:
                first = median(mine), median(his)
            else:
                flat = [first[0] + reload - first[1] for reload in his]
                line(f"site-cost-{count}", ratios(mine, flat), "<=1.10", f"install of one more static site with {count:,} there against the"
                     f" same with 1 there plus the growth of httpd's own reload (ours {told(mine)}, reload {told(his)}; with 1 there"
                     f" {first[0]:.2f} s and {first[1]:.2f} s)")


ROWS = {f"site-cost-{count}": cost for count in THERE[1:]}
