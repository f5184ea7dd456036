# The man pages in $(O)/man: those named *.in have their tables filled in from the .def files of the programs, the others are copied.

MAN_IN    = $(wildcard provisiond/man/*.in)
MAN_PLAIN = $(wildcard provisiond/man/*.[1-8])
MAN_PAGES = $(patsubst provisiond/man/%.in,$(O)/man/%,$(MAN_IN)) $(patsubst provisiond/man/%,$(O)/man/%,$(MAN_PLAIN))

man: $(MAN_PAGES)

$(O)/man-tables: $(O)/o/provisiond/man/tables.o
	$(CC) $(CFLAGS) -pie $(LDHARDEN) -o $@ $<

$(O)/man/%: provisiond/man/%.in $(O)/man-tables
	@mkdir -p $(@D)
	$(O)/man-tables < $< > $@.new && mv $@.new $@

$(O)/man/%: provisiond/man/%
	@mkdir -p $(@D)
	cp $< $@

.PHONY: man
