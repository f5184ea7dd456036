# Builds and tests everything. `make deps` installs the Debian packages it needs; nothing before that is asked of any of them,
# so `make deps` and `make help` work on a machine that has only make.
#
#   make            the programs and the module, into build/
#   make check      lint, unit tests (ASan, UBSan), integration tests, a selection of the crash matrix
#   make install    into DESTDIR
#   O=folder        another output folder;  FAULTS=1  with fault points;  SAN=1  with sanitizers

O           ?= build
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

$(O)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(CPPFLAGS_$(firstword $(subst /, ,$(patsubst provisiond/%,%,$<)))) -MMD -MP -c -o $@ $<

-include $(shell find $(O) -name '*.d' 2>/dev/null)

deps:
	tests/deps.sh

clean:
	rm -rf $(O)

help:
	@sed -n 's/^#   //p' Makefile

.PHONY: all programs deps clean help check lint install
