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

.SECONDEXPANSION:
$(UNIT): $$(OBJ_$$(notdir $$@))

units: $(UNIT)

check:
	@tests/run
unit golden sim lint lab fault fuzz bench:
	@tests/run $@
demo:
	@tests/demo/demo

.PHONY: units check unit golden sim lint lab fault fuzz bench demo
