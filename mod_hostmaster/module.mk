# The httpd module, one shared object whose only exported symbol is hostmaster_module, and hostmaster-setup.

MODULE     = $(O)/mod_hostmaster.so
SETUP      = $(O)/hostmaster-setup
MODULE_SRC = $(wildcard mod_hostmaster/*.c mod_hostmaster/model/*.c mod_hostmaster/page/*.c mod_hostmaster/dispatch/*.c)
SETUP_SRC  = $(addprefix mod_hostmaster/,db.c login_link.c secret.c setup/main.c)
STMTS      = $(O)/gen/stmts.h $(O)/gen/stmts.c
STMTS_O    = $(O)/o/gen/stmts.o

CPPFLAGS_mod_hostmaster = -Imod_hostmaster -I$(shell $(APXS) -q INCLUDEDIR) $(shell pkg-config --cflags libxml-2.0)
# Where hostmaster-setup finds the migrations, and the number of the last; a header, so that the folder's flags are the same for all.
$(O)/gen/migrations.h: $(wildcard sql/migrate/*.sql)
	@mkdir -p $(@D)
	$(Q)printf '%s\n' '#define HM_MIGRATIONS "$(datadir)/migrate"' '#define HM_SCHEMA $(words $(wildcard sql/migrate/*.sql))' > $@

LIBS_module = $(shell pkg-config --libs libxml-2.0) -ljansson -lcrypto
LIBS_dbd    = $(shell pkg-config --libs apr-util-1)

module: $(MODULE) $(SETUP)

# Statements as functions: sql/stmts/NOUN.sql is the only place where the panel's SQL stands.
$(O)/gen/stmts.%: sql/stmts2c.awk $(wildcard sql/stmts/*.sql)
	@mkdir -p $(@D)
	$(Q)awk -v part=$* -f sql/stmts2c.awk $(sort $(wildcard sql/stmts/*.sql)) > $@.new && mv $@.new $@

$(STMTS_O): $(STMTS)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(CPPFLAGS_mod_hostmaster) -c -o $@ $(O)/gen/stmts.c

$(call objects,$(MODULE_SRC) $(SETUP_SRC)): $(STMTS) $(O)/gen/migrations.h

$(MODULE): $(call objects,$(MODULE_SRC)) $(STMTS_O) $(LIBPROTO)
	$(Q)$(CC) $(CFLAGS) -shared $(LDHARDEN) -Wl,--exclude-libs,ALL -o $@ $(filter %.o %.a,$^) $(LIBS_module)

$(SETUP): $(call objects,$(SETUP_SRC)) $(STMTS_O) $(LIBPROTO)
	$(Q)$(CC) $(CFLAGS) -pie $(LDHARDEN) -o $@ $(filter %.o %.a,$^) $(LIBS_module) $(LIBS_dbd) $(APR_LIBS)

# What of the module needs no httpd, for the unit tests.
PANEL_PURE = $(addprefix mod_hostmaster/,parse.c route.c template.c render.c filter.c versions.c)
$(O)/libpanel.a: $(call objects,$(PANEL_PURE))
	$(Q)rm -f $@ && ar rcs $@ $^

.PHONY: module
