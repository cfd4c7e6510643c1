# How tests are built and run; included by the Makefile. tests/README.md says
# what each rung is for.

# A unit test is tests/unit/test_NAME.c (cmocka). It links libac.a and the
# objects that it names in tests/unit/objects.mk as OBJ_test_NAME.
UNIT_SRC := $(wildcard tests/unit/test_*.c)
UNIT := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(UNIT_SRC))
-include tests/unit/objects.mk

$(B)/tests/unit/test_%: tests/unit/test_%.c $(B)/libac.a $(B)/flags
	@mkdir -p $(@D)
	@echo "  cc $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS_ALL) -Wno-missing-prototypes $(LDFLAGS_ALL) -o $@ $< \
	    $(OBJ_test_$*) $(B)/libac.a -lcmocka $(LIBS_test_$*) $(LIBS_COMMON)

# The drivers of golden tests and the fuzz targets are one C file each over
# libac.a. Their scripts build them with sanitizers, in folders of their own:
#   make SAN=address,undefined B=build/san build/san/tests/golden/NAME
#   make CC=clang SAN=fuzzer-no-link,address,undefined B=build/fuzz \
#       build/fuzz/tests/fuzz/fuzz_NAME
LIBS_dns_oracle := -lldns
$(B)/tests/golden/%: tests/golden/%.c $(B)/libac.a $(B)/flags
	@mkdir -p $(@D)
	@echo "  cc $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $< \
	    $(B)/libac.a $(LIBS_$*) $(LIBS_COMMON)

# What a fuzz target links besides: OBJ_fuzz_NAME, LIBS_fuzz_NAME.
-include tests/fuzz/objects.mk
FUZZ := $(patsubst %.c,$(B)/%,$(wildcard tests/fuzz/fuzz_*.c))
$(B)/tests/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $(B)/libac.a $(B)/flags
	@mkdir -p $(@D)
	@echo "  cc $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS_ALL) -Wno-missing-prototypes \
	    $(LDFLAGS_ALL) -fsanitize=fuzzer -o $@ $< $(OBJ_fuzz_$*) \
	    $(B)/libac.a $(LIBS_fuzz_$*) $(LIBS_COMMON)

.SECONDEXPANSION:
$(UNIT) $(FUZZ): $$(OBJ_$$(notdir $$@))

# Drivers of the fault tests: probe's objects beside libac.a.
OBJ_spool_driver := $(patsubst %.c,$(B)/%.o,$(wildcard probe/spool*.c))
$(B)/tests/fault/%: tests/fault/%.c $(B)/libac.a $(B)/flags $$(OBJ_$$*)
	@mkdir -p $(@D)
	@echo "  cc $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $< \
	    $(OBJ_$*) $(B)/libac.a $(LIBS_COMMON)

# The objects of OBJ_NAME, for a test that links with them itself.
objects-of-%:
	@echo $(OBJ_$*)

# What benchmarks make their load with.
$(B)/tests/bench/%: tests/bench/%.c $(B)/libac.a $(B)/flags
	@mkdir -p $(@D)
	@echo "  cc $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $< \
	    $(B)/libac.a $(LIBS_COMMON)

# The simulated days of the prober: its stages over a network of fiction
# instead of sockets.
SIM_PROBER := $(call objects,$(wildcard tests/sim/prober_*.c) \
	$(addprefix probe/,flow.c schedule.c outstanding.c plan.c manners.c \
	near.c prober.c clocks.c retry.c sample.c packed.c receive.c) $(wildcard probe/method_*.c))
$(B)/tests/sim/prober_day: $(SIM_PROBER) $(B)/libac.a
	@echo "  link $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS_COMMON)

units: $(UNIT)

check:
	@tests/run
unit golden sim lint lab fault fuzz bench:
	@tests/run $@
bench-sites: $(B)/accollect
	@B=$(B) tests/bench/sites.py
# Ten million records into the collector and reports over them; some minutes.
# And ten thousand vantage points over ten minutes.
bench-collector: $(B)/accollect $(B)/acreport $(B)/tests/bench/batches
	@B=$(B) tests/bench/collector.py
bench-herd: $(B)/accollect $(B)/tests/bench/batches
	@B=$(B) HERD=1000 tests/fault/listen_herd.py
	@B=$(B) HERD=10000 HERD_SECONDS=600 tests/fault/listen_herd.py
# acprobe beside its peers, as ratios: ROWS='trace echo' for some, PAIRS=9.
bench-probe: $(B)/acprobe
	@B=$(B) tests/bench/probe.py $(ROWS)
# Twenty random scripts of events in the lab; a quarter of an hour.
bench-events: $(PROGRAMS)
	@B=$(B) SCRIPTS=20 ACTS=3 tests/lab/report_events.py
demo:
	@tests/demo/demo

.PHONY: units check unit golden sim lint lab fault fuzz bench bench-sites bench-collector \
	bench-events bench-herd bench-probe demo
