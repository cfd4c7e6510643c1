# The anycast toolkit. `make help` lists the targets.
#
#   make CC=clang            another compiler
#   make WERROR=1            warnings are errors
#   make SAN=address,undefined B=build/san   sanitizers, apart from build/
#   make V=1                 show the commands

B ?= build
PREFIX ?= /usr/local
CC ?= cc
OPT ?= -O2 -g
VERSION := 0.1

WARN := -Wall -Wextra -Wshadow -Wformat=2 -Wconversion -Wsign-conversion \
	-Wcast-align -Wvla -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wwrite-strings -Wundef
HARDEN := -fstack-protector-strong -fstack-clash-protection \
	-fcf-protection=full -ftrivial-auto-var-init=zero -fPIE
LINK_HARDEN := -pie -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code
ifdef SAN
SANFLAGS := -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
else
HARDEN += -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
endif
ifneq ($(findstring clang,$(CC)),)
# clang 14 asks for this before it initialises automatic variables.
HARDEN += -enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang
WARN += -Wno-unused-command-line-argument
endif
ifdef WERROR
WARN += -Werror
endif
Q := $(if $(V),,@)

CPPFLAGS += -I. -I$(B) -D_GNU_SOURCE -DAC_VERSION='"$(VERSION)"'
CFLAGS_ALL := -std=c11 $(OPT) $(WARN) $(HARDEN) $(SANFLAGS) -MMD -MP $(CFLAGS)
LDFLAGS_ALL := $(LINK_HARDEN) $(SANFLAGS) $(LDFLAGS)

PROGRAMS := $(addprefix $(B)/,acprobe acship accollect acreport)

LIB_SRC := $(wildcard lib/*.c)
# acship shares acprobe's configuration and spool, nothing else of it.
SHIP_OWN := $(wildcard probe/ship*.c)
SHIP_SRC := $(SHIP_OWN) $(wildcard probe/config*.c probe/spool*.c)
PROBE_SRC := $(filter-out $(SHIP_OWN),$(wildcard probe/*.c))
COLLECT_SRC := $(wildcard collector/*.c)
REPORT_SRC := $(wildcard analysis/*.c)

objects = $(patsubst %.c,$(B)/%.o,$(1))

LIBS_COMMON := -lconfuse -ljansson -lzstd -lz -lcrypto -lcap-ng -lpcre2-8 \
	-lmaxminddb -lm
LIBS_ship := -lcurl
LIBS_collect := -lmicrohttpd -lgnutls -lsqlite3
LIBS_report := -lsqlite3 -lm

all: $(PROGRAMS)

LIB_MADE := $(addprefix $(B)/,site_map_shipped.o gazetteer_data.o \
	regions_shipped.o services_shipped.o)
$(B)/libac.a: $(call objects,$(LIB_SRC)) $(LIB_MADE)
	$(Q)rm -f $@
	$(Q)ar rcs $@ $^

$(B)/acprobe: $(call objects,$(PROBE_SRC)) $(B)/libac.a
	@echo "  link $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS_COMMON)
$(B)/acship: $(call objects,$(SHIP_SRC)) $(B)/libac.a
	@echo "  link $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS_ship) $(LIBS_COMMON)
$(B)/accollect: $(call objects,$(COLLECT_SRC)) $(B)/schema_sql.o $(B)/libac.a
	@echo "  link $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS_collect) $(LIBS_COMMON) -lm
$(B)/acreport: $(call objects,$(REPORT_SRC)) $(B)/html_page.o $(B)/libac.a
	@echo "  link $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS_report) $(LIBS_COMMON)

$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	@echo "  cc $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS_ALL) -c -o $@ $<

# The schema is a readable file; accollect carries it.
$(B)/schema_sql.c: schema/store.sql schema/views.sql schema/embed.sh \
    schema/upgrade/1-2.sql
	@mkdir -p $(@D)
	$(Q)sh schema/embed.sh schema_store_sql=schema/store.sql \
	    schema_views_sql=schema/views.sql \
	    schema_upgrade_1_sql=schema/upgrade/1-2.sql >$@.new && mv $@.new $@
$(B)/schema_sql.o: $(B)/schema_sql.c
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS_ALL) -c -o $@ $<

# Likewise the table of services.
$(B)/services_shipped.c: schema/services schema/embed.sh
	@mkdir -p $(@D)
	$(Q)sh schema/embed.sh services_shipped=schema/services >$@.new && \
	    mv $@.new $@

# The shipped site maps, and the gazetteer: the metro table of the tree, with
# the airports of an npm package where node and npm are there. npm's folder is
# shared by all build directories.
SITEMAP := schema/sitemap
NPM_DIR ?= build/npm
$(B)/site_map_shipped.c: $(SITEMAP)/roots.map $(SITEMAP)/resolvers.map schema/embed.sh
	@mkdir -p $(@D)
	$(Q)sh schema/embed.sh site_map_roots=$(SITEMAP)/roots.map \
	    site_map_resolvers=$(SITEMAP)/resolvers.map >$@.new && mv $@.new $@
$(B)/airports.csv: $(SITEMAP)/airports.sh $(SITEMAP)/airports.mjs $(SITEMAP)/package-lock.json
	@mkdir -p $(@D)
	$(Q)$(SITEMAP)/airports.sh $(NPM_DIR) >$@.new && mv $@.new $@
$(B)/gazetteer_data.c: $(SITEMAP)/gazetteer.sh $(SITEMAP)/metro.csv $(B)/airports.csv
	$(Q)$(SITEMAP)/gazetteer.sh $(SITEMAP)/metro.csv $(B)/airports.csv \
	    >$@.new && mv $@.new $@
$(B)/regions_shipped.c: schema/regions schema/embed.sh
	@mkdir -p $(@D)
	$(Q)sh schema/embed.sh regions_shipped=schema/regions >$@.new && \
	    mv $@.new $@
$(LIB_MADE): %.o: %.c $(B)/flags
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS_ALL) -c -o $@ $<
gazetteer:
	rm -f $(B)/airports.csv
	$(Q)$(MAKE) all

# The page of acreport html: bundled where node, npm and its packages are
# there; an empty one where not, and then html says what it needs.
$(B)/html_page.c: $(wildcard analysis/web/*)
	@mkdir -p $(@D)
	$(Q)analysis/web/bundle.sh $(NPM_DIR)-page >$@.new && mv $@.new $@
$(B)/html_page.o: $(B)/html_page.c $(B)/flags
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS_ALL) -c -o $@ $<
page:
	rm -f $(B)/html_page.c
	$(Q)$(MAKE) all

# Objects are made again when compiler or flags change.
$(B)/flags: FORCE
	@mkdir -p $(B)
	@echo '$(CC) $(CPPFLAGS) $(CFLAGS_ALL) $(LDFLAGS_ALL)' >$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
FORCE:

include tests/tests.mk

install: all
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(B)/acprobe $(B)/acship $(B)/accollect \
	    $(DESTDIR)$(PREFIX)/sbin
	install -m 755 $(B)/acreport $(DESTDIR)$(PREFIX)/bin
	for page in man/*.[0-9]; do s=$${page##*.}; \
	    install -D -m 644 $$page \
	    $(DESTDIR)$(PREFIX)/share/man/man$$s/$${page#man/} || exit 1; done

deps:
	tests/deps/install

clean:
	rm -rf $(B)

help:
	@echo 'make          build the four programs in $(B)/'
	@echo 'make deps     install the Debian packages of tests/deps/packages (root)'
	@echo 'make demo     the whole street on the local lab (root, under a minute)'
	@echo 'make check    every test; STRICT=1 fails on a skip or a repetition'
	@echo 'make unit golden sim lint lab fault fuzz   one kind of test'
	@echo 'make gazetteer  again with the airports of npm, where they were missing'
	@echo 'make page         again the page of acreport html, where it was missing'
	@echo 'make install  PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)'
	@echo 'make clean    remove $(B)/'

.PHONY: all page install deps clean gazetteer help FORCE
-include $(shell find $(B) -name '*.d' 2>/dev/null)
