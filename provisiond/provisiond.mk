# libprovision.a and the five programs. Each folder's objects but its main.c also make an archive, which the unit tests link.

sources = $(filter-out $(1)/main.c,$(wildcard $(1)/*.c $(1)/*/*.c))
objects = $(patsubst %.c,$(O)/o/%.o,$(1))

PROTO_SRC = $(wildcard provisiond/proto/*.c) provisiond/conf.c provisiond/fault.c
LIBPROTO  = $(O)/libprovision.a
ARCHIVES  = $(foreach f,root engine dba worker ctl,$(O)/lib$(f).a)
PROGRAMS  = $(O)/provisiond $(O)/provisiond-engine $(O)/provisiond-dba $(O)/provision-worker $(O)/provision

CPPFLAGS_dba = $(shell pkg-config --cflags libmariadb)
LIBS_provisiond        =
LIBS_provisiond-engine = -ljansson -lsqlite3
LIBS_provisiond-dba    = $(shell pkg-config --libs libmariadb) -laprutil-1
LIBS_provision-worker  = -ljansson -larchive -lcrypto
LIBS_provision         = -ljansson

programs: $(PROGRAMS) module

$(LIBPROTO): $(call objects,$(PROTO_SRC))
$(O)/libroot.a: $(call objects,$(call sources,provisiond/root))
$(O)/libengine.a: $(call objects,$(call sources,provisiond/engine)) $(O)/gen/journal_sql.h
$(O)/libdba.a: $(call objects,$(call sources,provisiond/dba))
$(O)/libworker.a: $(call objects,$(call sources,provisiond/worker))
$(O)/libctl.a: $(call objects,$(call sources,provisiond/ctl))

$(LIBPROTO) $(ARCHIVES):
	@rm -f $@
	$(Q)ar rcs $@ $(filter %.o,$^)

$(O)/provisiond: $(O)/o/provisiond/root/main.o $(O)/libroot.a $(LIBPROTO)
$(O)/provisiond-engine: $(O)/o/provisiond/engine/main.o $(O)/libengine.a $(LIBPROTO)
$(O)/provisiond-dba: $(O)/o/provisiond/dba/main.o $(O)/libdba.a $(LIBPROTO)
$(O)/provision-worker: $(O)/o/provisiond/worker/main.o $(O)/libworker.a $(LIBPROTO)
$(O)/provision: $(O)/o/provisiond/ctl/main.o $(O)/libctl.a $(LIBPROTO)

$(PROGRAMS):
	$(Q)$(CC) $(CFLAGS) -pie $(LDHARDEN) -o $@ $(filter %.o %.a,$^) $(LIBS_$(@F)) $(APR_LIBS)

# The journal's schema as a C string, a line of SQL a line.
$(O)/gen/journal_sql.h: sql/journal.sql
	@mkdir -p $(@D)
	$(Q)sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$$/\\n"/' $< > $@.new && mv $@.new $@

$(call objects,$(wildcard provisiond/engine/*.c)): $(O)/gen/journal_sql.h

include provisiond/man/man.mk
