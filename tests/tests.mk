# The tests. Every suite writes junit XML into $(O)/report and is one word of CHECKS; `make check` runs them all, whatever one of
# them says, and ends in their sum.

REPORT ?= $(O)/report
CHECKS  =

check: programs
	@rm -rf $(REPORT) && mkdir -p $(REPORT)
	@failed=; for t in $(CHECKS); do $(MAKE) --no-print-directory $$t || failed="$$failed $$t"; done; \
	    $(PYTHON) tests/summary.py $(REPORT) $$failed

# --- unit: tests/unit/t_*.c, a cmocka program each, under ASan and UBSan; the second word of its name says what it links ---

CHECKS += unit

UNIT      = $(patsubst tests/unit/%.c,$(O)/unit/%,$(wildcard tests/unit/t_*.c))
UNIT_LIBS = -lcmocka $(LIBS_provisiond-engine) $(LIBS_provisiond-dba) $(LIBS_module) $(LIBS_dbd) $(APR_LIBS)
$(foreach w,root dba worker ctl engine panel,$(eval UNIT_AR_$(w) = $(O)/lib$(w).a))
$(foreach w,steps plan manifest diff http,$(eval UNIT_AR_$(w) = $(O)/libengine.a))

unit:
	@$(MAKE) --no-print-directory O=$(O)/san SAN=1 REPORT=$(abspath $(REPORT)) unit-run

unit-run: $(UNIT)
	@mkdir -p $(REPORT)
	@$(PYTHON) tests/unit/run.py $(REPORT) $^

.SECONDARY: $(UNIT:$(O)/unit/%=$(O)/o/tests/unit/%.o)
.SECONDEXPANSION:
$(O)/unit/%: $(O)/o/tests/unit/%.o $$(UNIT_AR_$$(word 2,$$(subst _, ,$$*))) $(LIBPROTO)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(UNIT_LIBS)

$(O)/unit/t_fuzz: $(O)/o/tests/fuzz/fuzz.o
$(O)/o/tests/unit/%.o $(O)/o/tests/fuzz/%.o: CPPFLAGS += -Itests
$(O)/o/tests/unit/t_panel_%.o: CPPFLAGS += $(CPPFLAGS_mod_hostmaster)

# --- fuzz: libFuzzer on what reads untrusted bytes, FUZZ_TIME seconds each; the committed corpus is replayed by t_fuzz ---

FUZZ_TIME ?= 60
FUZZ       = names conf dgram line message
FUZZ_CC    = clang -std=gnu11 -O1 -g -Wall -Werror -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined

fuzz: $(FUZZ:%=$(O)/fuzz/%)
	@for t in $(FUZZ); do mkdir -p $(O)/fuzz/found/$$t; \
	    $(O)/fuzz/$$t -max_total_time=$(FUZZ_TIME) -max_len=70000 -artifact_prefix=$(O)/fuzz/$$t- -print_final_stats=1 \
	        $(O)/fuzz/found/$$t tests/fuzz/corpus/$$t || exit 1; done

$(FUZZ:%=$(O)/fuzz/%): $(O)/fuzz/%: tests/fuzz/main.c tests/fuzz/fuzz.c tests/fuzz/fuzz.h $(PROTO_SRC)
	@mkdir -p $(@D)
	$(FUZZ_CC) $(CPPFLAGS) -DFUZZ_TARGET=fuzz_$* -o $@ $(filter %.c,$^) -ljansson $(APR_LIBS)

# --- it: tests/it and a selection of tests/crash, pytest with the real programs; one or more files with IT=tests/it/test_x.py ---

CHECKS += it

IT   ?= tests/it tests/crash/test_steps.py tests/crash/test_servers.py
# Files at a time: each has a world of its own, and waits more than it works.
JOBS ?= 2
PYTEST = PV_BUILD=$(abspath $(O)) $(PYTHON) -B -m pytest -q -o cache_dir=$(abspath $(REPORT))/cache

# What runs the panel's statements on a database by themselves, and what takes events in without a panel.
DB_TESTS = stmts apply
DB_TESTS_SRC_stmts = mod_hostmaster/db.c
DB_TESTS_SRC_apply = $(addprefix mod_hostmaster/,db.c parse.c secret.c dispatch/apply.c dispatch/objects.c) \
    $(wildcard mod_hostmaster/model/*.c)
$(DB_TESTS:%=$(O)/o/tests/it/%.o): CPPFLAGS += $(CPPFLAGS_mod_hostmaster)
$(DB_TESTS:%=$(O)/o/tests/it/%.o): $(STMTS)
$(DB_TESTS:%=$(O)/%): $(O)/%: $(O)/o/tests/it/%.o $$(call objects,$$(DB_TESTS_SRC_$$*)) $(STMTS_O) $(O)/libpanel.a $(LIBPROTO)
	$(Q)$(CC) $(CFLAGS) -pie $(LDHARDEN) -o $@ $(filter %.o %.a,$^) $(LIBS_module) $(LIBS_dbd) $(APR_LIBS)

# What fails beside others is run once more by itself; the sum names it unsteady when it then passes, and failed when it does not.
it: programs $(DB_TESTS:%=$(O)/%) $(O)/crash-rows
	@mkdir -p $(REPORT)
	@$(MAKE) --no-print-directory O=$(O)/fault FAULTS=1 programs
	@$(PYTEST) -n $(JOBS) --dist loadfile --junitxml=$(REPORT)/it.xml $(IT) || \
	    $(PYTEST) --last-failed --last-failed-no-failures none --junitxml=$(REPORT)/it-again.xml $(IT)

# --- crash: every task killed at each of its points; ends in `crash: N planned, N injected, 0 lost, 0 doubled, 0 left over` ---

check-crash: programs $(O)/crash-rows
	@mkdir -p $(REPORT)
	@$(MAKE) --no-print-directory O=$(O)/fault FAULTS=1 programs
	@PV_CRASH=all $(PYTEST) -n $(JOBS) --dist load --junitxml=$(REPORT)/crash.xml tests/crash

$(O)/crash-rows: $(O)/o/tests/crash/rows.o
	$(Q)$(CC) $(CFLAGS) -pie $(LDHARDEN) -o $@ $<

.PHONY: check check-crash unit unit-run fuzz it

# --- bench: ours against what a competent administrator does by hand, a line a row; BENCH="name ..." runs some of them, BENCH_RUNS is
# how often each (7), BENCH_BIG=1 adds what takes long, DRUPAL10_ROOT a Drupal. On a machine that does nothing else. ---

bench: programs
	@PV_BUILD=$(abspath $(O)) $(PYTHON) -B tests/bench/bench.py

bench-deps:
	tests/deps.sh bench

.PHONY: bench bench-deps

# --- lint: the house rules, each of them tested by files that break it (tests/lint/bad) ---

CHECKS += lint

LINT = LINT_CPPFLAGS='$(CPPFLAGS) $(CPPFLAGS_dba) $(CPPFLAGS_mod_hostmaster)' $(PYTHON) -B tests/lint/lint.py

lint: programs lint-test
	@$(LINT) --junit $(REPORT)/lint.xml

lint-test:
	@mkdir -p $(REPORT)
	@$(LINT) --test --junit $(REPORT)/lint-test.xml

.PHONY: lint lint-test
