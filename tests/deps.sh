#!/bin/sh
# Installs the Debian 12 packages that build, run and test this project, and starts no service while doing so. "deps.sh run" leaves
# out those that only the tests need; "deps.sh bench" adds those of the bench.
#
# Debian's maintainer scripts start what they install unless policy-rc.d says no. One is written only where there is none, and
# taken away again however this ends.
set -eu

BUILD="gcc make pkg-config apache2-bin apache2-dev libapr1-dev libaprutil1-dev libaprutil1-dbd-sqlite3 libaprutil1-dbd-pgsql libaprutil1-dbd-mysql libxml2-dev libssl-dev libjansson-dev libarchive-dev libsqlite3-dev libmariadb-dev"
RUN="php8.2-fpm php8.2 php8.2-cli php8.2-mysql php8.2-gd php8.2-mbstring php8.2-xml mariadb-server-core mariadb-client-core wordpress wordpress-theme-twentytwentythree python3"
TEST="zstd libcmocka-dev python3-pytest python3-pytest-xdist postgresql strace iproute2 openssl clang-tidy clang-format clang libclang-rt-14-dev universal-ctags systemd chromium chromium-driver python3-selenium"
BENCH="wrk php8.2-sqlite3"
case "${1:-}" in
run) TEST= ;;
bench) TEST="$TEST $BENCH" ;;
esac

policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	trap 'rm -f "$policy"' EXIT
	trap 'exit 1' HUP INT TERM
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
fi

missing=$(dpkg-query -W -f '${Status} ${Package}\n' $BUILD $RUN $TEST 2>/dev/null |
	awk -v want="$BUILD $RUN $TEST" '/^install ok installed/ { have[$4] = 1 }
		END { n = split(want, w, " "); for (i = 1; i <= n; i++) if (!(w[i] in have)) print w[i] }')
[ -n "$missing" ] || exit 0

export DEBIAN_FRONTEND=noninteractive
apt-get update
# One call: php8.2 beside php8.2-fpm keeps apt from choosing mod_php, which would bring the prefork MPM into the host's apache2.
apt-get install -y --no-install-recommends $BUILD $RUN $TEST
