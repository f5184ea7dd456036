# Builds and tests everything. `make deps` installs the Debian packages it needs; nothing before that is asked of any of them,
# so `make deps` and `make help` work on a machine that has only make.
#
#   make            the programs and the module, into build/
#   make check      lint, unit tests (ASan, UBSan), integration tests, a selection of the crash matrix
#   make check-crash  the whole crash matrix: every task killed at each of its points
#   make install    into DESTDIR
#   make demo       a panel, a WordPress and a static site, all under DEMO_DIR;  demo-stop ends it, demo-clean removes it
#   O=folder        another output folder;  FAULTS=1  with fault points;  SAN=1  with sanitizers;  V=1  shows commands

O           ?= build
V           ?=
Q            = $(if $(V),,@echo '  $(@)';)
FAULTS      ?=
SAN         ?=
prefix      ?= /usr
libexecdir  ?= $(prefix)/libexec/provision
datadir     ?= $(prefix)/share/provision
mandir      ?= $(prefix)/share/man
sysconfdir  ?= /etc/provision
APXS        ?= apxs
PYTHON      ?= /usr/bin/python3

all: programs man

include provisiond/provisiond.mk
include mod_hostmaster/module.mk
include tests/tests.mk

CC       = gcc
WARN     = -Wall -Wextra -Werror -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wno-unused-parameter
HARDEN   = -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIC -fvisibility=hidden
LDHARDEN = -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed
OPT      = -O2 -g -D_FORTIFY_SOURCE=2
ifneq ($(SAN),)
OPT      = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
endif
# Recursively expanded, so that no tool runs until something is compiled.
APR       = $(shell pkg-config --cflags apr-1 apr-util-1)
APR_LIBS  = $(shell pkg-config --libs apr-1)
CPPFLAGS += -D_GNU_SOURCE -Iprovisiond -I$(O)/gen $(APR) $(if $(FAULTS),-DPV_FAULTS)
CFLAGS    = -std=gnu11 $(OPT) $(WARN) $(HARDEN)

$(O)/o/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(CPPFLAGS_$(firstword $(subst /, ,$(patsubst provisiond/%,%,$<)))) -MMD -MP -c -o $@ $<

-include $(shell find $(O) -name '*.d' 2>/dev/null)

deps:
	tests/deps.sh

# The whole system under one folder, its own servers, two sites: DEMO_DIR, DEMO_PANEL_PORT, DEMO_SITES_PORT, DEMO_DB_PORT.
demo: export O := $(O)
demo:
	tests/deps.sh run
	@$(MAKE) --no-print-directory programs man
	@$(PYTHON) -B tests/demo/demo.py start

demo-stop demo-clean:
	@$(PYTHON) -B tests/demo/demo.py $(@:demo-%=%)

clean:
	rm -rf $(O)

help:
	@sed -n 's/^#   //p' Makefile

.PHONY: all programs deps demo demo-stop demo-clean clean help check lint install

# --- install: all files below DESTDIR; without one, the accounts and folders too. A configuration that is there is kept. ---

sbindir      = $(prefix)/sbin
bindir       = $(prefix)/bin
unitdir      = $(prefix)/lib/systemd/system
sysusersdir  = $(prefix)/lib/sysusers.d
tmpfilesdir  = $(prefix)/lib/tmpfiles.d
bashdir      = $(prefix)/share/bash-completion/completions
moduledir    = $(shell $(APXS) -q LIBEXECDIR)
INSTALL      = install -D -m 644
INSTALL_X    = install -D -m 755
INSTALL_CONF = keep() { [ -e "$$2" ] || $(INSTALL) "$$1" "$$2"; }; keep
# The files of conf/ name the places of a package; they are rewritten to where this build goes.
RELOCATE     = sed -e 's|/usr/sbin/provisiond|$(sbindir)/provisiond|g' -e 's|/usr/libexec/provision|$(libexecdir)|g' \
                   -e 's|/usr/share/provision|$(datadir)|g' -e 's|/usr/lib/apache2/modules/mod_hostmaster|$(moduledir)/mod_hostmaster|g' \
                   -e 's|/etc/provision\b|$(sysconfdir)|g'
CONF_KEPT    = provisiond.conf httpd.conf panel-httpd.conf panel.conf
UNITS        = provisiond.service provision-httpd.service hostmaster-httpd.service
CONF_FILES   = $(CONF_KEPT) $(UNITS) sysusers.conf tmpfiles.conf
APP_FILES    = $(shell cd provisiond/apps && find . -type f ! -name LICENSE)
TEMPLATES    = $(shell cd templates && find . -type f)
MIGRATIONS   = $(notdir $(wildcard sql/migrate/*.sql))

# Made anew each time: variables of the command line are in them.
$(O)/conf/%: conf/% FORCE
	@mkdir -p $(@D)
	$(RELOCATE) $< > $@.new && mv $@.new $@

# Each directive with what it is and its default; one that has none is commented out.
$(O)/conf/provisiond.conf: conf/provisiond.conf.in provisiond/settings.def FORCE
	@mkdir -p $(@D)
	{ cat conf/provisiond.conf.in; sed -n -e 's/^SETTING(\([A-Za-z]*\), *[A-Z]*, *"\(.*\)", *"\(.*\)")$$/# \3\n\1 \2\n/' \
	    -e 's/\n\([A-Za-z]*\) \n/\n#\1\n/' -e '/^# /p' provisiond/settings.def; } | $(RELOCATE) > $@.new && mv $@.new $@

install: programs man $(CONF_FILES:%=$(O)/conf/%)
	$(INSTALL_X) $(O)/provisiond $(DESTDIR)$(sbindir)/provisiond
	$(INSTALL_X) $(O)/hostmaster-setup $(DESTDIR)$(sbindir)/hostmaster-setup
	$(INSTALL_X) $(O)/provision $(DESTDIR)$(bindir)/provision
	set -e; for f in provisiond-engine provisiond-dba; do $(INSTALL_X) $(O)/$$f $(DESTDIR)$(libexecdir)/$$f; done
	install -D -m 711 $(O)/provision-worker $(DESTDIR)$(libexecdir)/provision-worker
	$(INSTALL) $(O)/mod_hostmaster.so $(DESTDIR)$(moduledir)/mod_hostmaster.so
	set -e; for f in $(APP_FILES); do $(INSTALL) provisiond/apps/$$f $(DESTDIR)$(datadir)/apps/$$f; done
	set -e; for f in $(TEMPLATES); do $(INSTALL) templates/$$f $(DESTDIR)$(datadir)/templates/$$f; done
	set -e; for f in $(MIGRATIONS); do $(INSTALL) sql/migrate/$$f $(DESTDIR)$(datadir)/migrate/$$f; done
	set -e; for f in $(notdir $(MAN_PAGES)); do $(INSTALL) $(O)/man/$$f $(DESTDIR)$(mandir)/man$${f##*.}/$$f; done
	set -e; for f in $(CONF_KEPT); do $(INSTALL_CONF) $(O)/conf/$$f $(DESTDIR)$(sysconfdir)/$$f; done
	set -e; for f in $(UNITS); do $(INSTALL) $(O)/conf/$$f $(DESTDIR)$(unitdir)/$$f; done
	$(INSTALL) $(O)/conf/sysusers.conf $(DESTDIR)$(sysusersdir)/provision.conf
	$(INSTALL) $(O)/conf/tmpfiles.conf $(DESTDIR)$(tmpfilesdir)/provision.conf
	$(INSTALL) conf/provision.bash $(DESTDIR)$(bashdir)/provision
	[ -n "$(DESTDIR)" ] || { systemd-sysusers $(sysusersdir)/provision.conf && systemd-tmpfiles --create $(tmpfilesdir)/provision.conf; }

.PHONY: FORCE
