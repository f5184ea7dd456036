# The httpd module: its objects, linked as a shared object whose only exported symbol is hostmaster_module.

MODULE     = $(O)/mod_hostmaster.so
MODULE_SRC = $(wildcard mod_hostmaster/*.c)

CPPFLAGS_mod_hostmaster = -I$(shell $(APXS) -q INCLUDEDIR)

module: $(MODULE)

$(MODULE): $(call objects,$(MODULE_SRC)) $(LIBPROTO)
	$(CC) $(CFLAGS) -shared $(LDHARDEN) -Wl,--exclude-libs,ALL -o $@ $(filter %.o %.a,$^)

.PHONY: module
