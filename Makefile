# Keybroker.  `make demo` and `make check` need nothing but git and make on a
# fresh Debian 12: they install what is missing.  Everything else: `make help`.

VERSION	:= 0.1.0
PREFIX	?= /usr
DESTDIR	?=
FLAVOUR	?= release
BUILD	:= build/$(FLAVOUR)
JOBS	?= $(shell nproc)
ifeq ($(origin CC),default)
CC	:= gcc
endif

SBINDIR	:= $(PREFIX)/sbin
BINDIR	:= $(PREFIX)/bin
LIBEXEC	:= $(PREFIX)/libexec/keybroker
LIBDIR	:= $(PREFIX)/lib
INCDIR	:= $(PREFIX)/include/keybroker
MANDIR	:= $(PREFIX)/share/man
SHARE	:= $(PREFIX)/share/keybroker
UNITDIR	:= $(LIBDIR)/systemd/system
PCDIR	:= $(LIBDIR)/pkgconfig
BASHDIR	:= $(PREFIX)/share/bash-completion/completions
ZSHDIR	?= $(PREFIX)/share/zsh/vendor-completions

WARN	:= -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	   -Wvla -Werror
HARDEN	:= -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong \
	   -fstack-clash-protection -fPIE
ifneq (,$(filter x86_64 i%86,$(shell uname -m)))
HARDEN	+= -fcf-protection
endif
LDHARD	:= -pie -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed

# Flavours: release is what is installed; test has the kill points; sanitize
# has the kill points and the address and undefined-behaviour sanitizers; thread
# has the thread sanitizer: make FLAVOUR=thread tests && tests/run build/thread;
# fuzz has clang's libFuzzer behind the targets of tests/fuzz.
ifeq ($(FLAVOUR),test)
EXTRA	:= -DTEST_POINTS
endif
ifeq ($(FLAVOUR),sanitize)
HARDEN	:= -O1 -g -fPIE -fno-omit-frame-pointer
EXTRA	:= -DTEST_POINTS -fsanitize=address,undefined -fno-sanitize-recover=all
endif
ifeq ($(FLAVOUR),thread)
HARDEN	:= -O1 -g -fPIE -fno-omit-frame-pointer
EXTRA	:= -DTEST_POINTS -fsanitize=thread
endif
FUZZ_MAIN := $(BUILD)/tests/fuzz/main.o
ifeq ($(FLAVOUR),fuzz)
CC	:= clang
HARDEN	:= -O1 -g -fPIE -fno-omit-frame-pointer
EXTRA	:= -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
FUZZ_MAIN := -fsanitize=fuzzer
endif

# Includes are relative, so that the only search path is p11-kit's; it is
# found again in each make, for the first one may install it.
CFLAGS	:= -std=c11 -D_GNU_SOURCE $(WARN) $(HARDEN) $(EXTRA) -MMD -MP \
	   -pthread -DVERSION='"$(VERSION)"' \
	   $(shell pkg-config --cflags p11-kit-1 2>/dev/null)
LDFLAGS	:= $(LDHARD) $(EXTRA) -pthread

# A layer is a static library, so that a program takes only what it names.
base_SRC	:= $(wildcard broker/base/*.c)
policy_SRC	:= $(wildcard policy/*.c)
json_SRC	:= $(wildcard api/*.c)
server_SRC	:= $(wildcard api/server/*.c)
core_SRC	:= $(wildcard broker/core/*.c broker/core/*/*.c)
issuer_SRC	:= $(wildcard broker/issuer/*.c)
signer_SRC	:= $(wildcard pkcs11/*.c)
supervisor_SRC	:= $(wildcard broker/supervisor/*.c)
cli_SRC		:= $(wildcard api/cli/*.c)
fakeca_SRC	:= $(wildcard tests/fakeca/*.c)

obj	= $(patsubst %.c,$(BUILD)/%.o,$($(1)_SRC))
lib	= $(foreach l,$(1),$(BUILD)/lib$(l).a)

PROGRAMS := keybrokerd keybroker-core keybroker-signer keybroker-issuer \
	    keybroker
BINARIES := $(addprefix $(BUILD)/,$(PROGRAMS))
CLIENT	 := $(BUILD)/libkeybroker.a

all: $(BINARIES) $(CLIENT)

# program: objects; the layers it may use; the libraries it may link
$(BUILD)/keybrokerd: $(call obj,supervisor) $(call lib,policy base)
$(BUILD)/keybrokerd: LIBS :=
$(BUILD)/keybroker-core: $(call obj,core) $(call lib,server json policy base)
$(BUILD)/keybroker-core: LIBS := -lmicrohttpd -lsqlite3 -lcjson -lpsl -lcrypto \
	    -lseccomp
$(BUILD)/keybroker-signer: $(call obj,signer) $(call lib,base)
$(BUILD)/keybroker-signer: LIBS := -lp11-kit -lcrypto -ldl
$(BUILD)/keybroker-issuer: $(call obj,issuer) $(call lib,json base)
$(BUILD)/keybroker-issuer: LIBS := -lcurl -lcjson -lcrypto -lseccomp
$(BUILD)/keybroker: $(call obj,cli) $(call lib,json base)
$(BUILD)/keybroker: LIBS := -lcjson -lcrypto

$(BINARIES):
	@echo "  LINK    $@"
	@$(CC) $(LDFLAGS) -Wl,-Map,$@.map -o $@ $(filter %.o %.a,$^) $(LIBS)

# Members of one name from several folders are kept: q appends, r replaces.
ARCHIVE	= rm -f $@ && ar qcs $@ $^
$(BUILD)/libbase.a: $(call obj,base); @$(ARCHIVE)
$(BUILD)/libpolicy.a: $(call obj,policy); @$(ARCHIVE)
$(BUILD)/libjson.a: $(call obj,json); @$(ARCHIVE)
$(BUILD)/libserver.a: $(call obj,server); @$(ARCHIVE)
$(CLIENT): $(call obj,json) $(call obj,base); @$(ARCHIVE)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(CC) $(CFLAGS) -c -o $@ $<

# A test is one file; it names no layer because each test may use all of
# them; main() of the programs is never linked.
UNITS	 := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/*_test.c))
CASES	 := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/integration/*_test.c))
UNIT_OBJ := $(filter-out %/main.o,$(foreach l,core issuer signer supervisor \
	    cli,$(call obj,$(l))))
$(BUILD)/libunit.a: $(UNIT_OBJ); @$(ARCHIVE)
$(UNITS) $(CASES): $(BUILD)/%: $(BUILD)/%.o $(BUILD)/libunit.a \
	    $(call lib,server json policy base)
	@echo "  LINK    $@"
	@$(CC) $(LDFLAGS) -o $@ $< -Wl,--start-group $(filter %.a,$^) \
	    -Wl,--end-group -lcmocka -lmicrohttpd -lsqlite3 -lcurl -lcjson \
	    -lp11-kit -lpsl -lseccomp -lcrypto -ldl

# A fuzz target is one file, too; it runs under libFuzzer, or main.c runs it
# over files.  The second JSON parser has names of libjson.a, which therefore
# must not give it its own.
FUZZERS	 := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fuzz/*_fuzz.c))
$(FUZZERS): $(BUILD)/%: $(BUILD)/%.o $(BUILD)/tests/fuzz/second.o \
	    $(filter %.o,$(FUZZ_MAIN)) $(BUILD)/libunit.a \
	    $(call lib,server json policy base)
	@echo "  LINK    $@"
	@$(CC) $(LDFLAGS) -Wl,--exclude-libs,libjson.a $(filter-out %.o,$(FUZZ_MAIN)) \
	    -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) \
	    -Wl,--end-group -ljansson -lmicrohttpd -lsqlite3 -lcurl -lcjson \
	    -lp11-kit -lpsl -lcrypto -ldl

# What tests use: *_fake.c is a program that stands in for another and may
# use the layers base and json; the faulty module stands in for a token, and
# is loaded by programs with a sanitizer and without one.
FAKES	 := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/*/*_fake.c))
FAULTY	 := $(BUILD)/tests/faulty-module/faulty.so
$(FAKES): $(BUILD)/%: $(BUILD)/%.o $(call lib,json base)
	@echo "  LINK    $@"
	@$(CC) $(LDFLAGS) -o $@ $(filter %.o %.a,$^) -lcjson -lssl -lcrypto -lseccomp
FAKECA	 := $(BUILD)/tests/fakeca/fakeca
$(FAKECA): $(call obj,fakeca) $(call lib,json base)
	@echo "  LINK    $@"
	@$(CC) $(LDFLAGS) -o $@ $^ -lcjson -lssl -lcrypto
$(FAULTY): $(wildcard tests/faulty-module/*.[ch])
	@mkdir -p $(@D)
	@echo "  MODULE  $@"
	@$(CC) $(filter-out -fPIE -fsanitize=% -fno-sanitize% -MMD -MP,$(CFLAGS)) \
	    -fPIC -shared -o $@ $(filter %.c,$^) -ldl

units: $(UNITS)
fuzzers: $(FUZZERS)
faulty-module: $(FAULTY)
tests: all $(UNITS) $(CASES) $(FUZZERS) $(FAKES) $(FAKECA) $(FAULTY)
check-unit: units
	@tests/run $(BUILD) unit

# `check` installs first and then starts anew, for this make has already
# looked for what was not there yet.
AGAIN	 = $(MAKE) --no-print-directory -j$(JOBS)
check:
	@contrib/install-packages build check
	@$(AGAIN) FLAVOUR=release BUILD=build/release all
	@$(AGAIN) FLAVOUR=test BUILD=build/test tests
	@RELEASE=build/release tests/run build/test

# SoftHSM's and its friends' leaks are not ours; ours are told.  A leak check
# at exit needs the right to trace, which our programs give up: it is on for
# the unit tests, where nothing gives it up.
check-sanitize: export ASAN_OPTIONS := \
    detect_leaks=0:abort_on_error=1:strict_string_checks=1
check-sanitize: export KILL_POINTS := \
    new-order.signed finalize.sent key.generated provision.after deploy.before
check-sanitize: export UBSAN_OPTIONS := print_stacktrace=1
check-sanitize: export LSAN_OPTIONS := \
    suppressions=$(CURDIR)/tests/lint/lsan.supp:print_suppressions=0
check-sanitize:
	@contrib/install-packages build check
	@$(AGAIN) FLAVOUR=sanitize BUILD=build/sanitize tests
	@tests/run build/sanitize

# What make check does with thousands, with a million requests and fifty
# thousand connections.
check-long: export ATTEMPTS := 1000000
check-long: export CONNECTIONS := 50000
check-long: export TEST_TIMEOUT := 3600
check-long:
	@contrib/install-packages build check
	@$(AGAIN) FLAVOUR=test BUILD=build/test tests
	@tests/run build/test random_ connections_test

MINUTES	?= 30
soak:
	@contrib/install-packages build check
	@$(AGAIN) FLAVOUR=sanitize BUILD=build/sanitize tests
	@tests/soak/run build/sanitize $$(($(MINUTES) * 60))

# TARGETS are words of names; what is found is left in build/findings.
SECONDS	?= 60
fuzz:
	@contrib/install-packages build fuzz
	@$(AGAIN) FLAVOUR=fuzz BUILD=build/fuzz fuzzers
	@tests/fuzz/run build/fuzz $(SECONDS) $(TARGETS)

# The unit tests and those integration tests that are programs and need no
# more than minutes this way; whom they start is looked at, too.
VALGRIND := valgrind -q --error-exitcode=99 --leak-check=full \
    --show-leak-kinds=definite --errors-for-leak-kinds=definite \
    --trace-children=yes --trace-children-skip=/bin/*,/usr/*,/sbin/* \
    --suppressions=$(CURDIR)/tests/lint/valgrind.supp
check-valgrind: export UNDER := $(VALGRIND)
check-valgrind: export TEST_TIMEOUT := 900
check-valgrind:
	@contrib/install-packages build check valgrind
	@$(AGAIN) FLAVOUR=test BUILD=build/test tests
	@tests/run build/test tests/unit/ http_test signer_test issuer_test \
	    issuer_raw issuer_responder hostile_request

demo:
	@contrib/install-packages build demo
	@$(AGAIN) FLAVOUR=release BUILD=build/release all
	@LAB_BIN=$(CURDIR)/build/release contrib/demo $(if $(KEEP),--keep)

bench:
	@contrib/install-packages build bench
	@$(AGAIN) FLAVOUR=release BUILD=build/release all
	@BUILD=build/release tests/bench/run

# What is linked is seen in the programs, which are therefore made first.
lint:
	@contrib/install-packages build lint
	@$(AGAIN) FLAVOUR=release BUILD=build/release all
	@RELEASE=build/release WARN="$(WARN)" tests/lint/run

# The public headers keep their places, for they include one another.
HEADERS	 := api/client.h api/json.h broker/base/buf.h broker/base/err.h
PLACES	 := s,@SBINDIR@,$(SBINDIR),g;s,@PREFIX@,$(PREFIX),g;s,@VERSION@,$(VERSION),g
PUT	 := install -D -m 644
EXAMPLES := contrib/keybroker.conf.example contrib/examples/status.c \
	    contrib/python/keybroker_acme.py contrib/python/issue.py

install: all
	install -d $(addprefix $(DESTDIR),$(SBINDIR) $(BINDIR) $(LIBEXEC))
	install -m 755 $(BUILD)/keybrokerd $(DESTDIR)$(SBINDIR)
	install -m 755 $(BUILD)/keybroker $(DESTDIR)$(BINDIR)
	install -m 755 $(BUILD)/keybroker-core $(BUILD)/keybroker-signer \
	    $(BUILD)/keybroker-issuer $(DESTDIR)$(LIBEXEC)
	$(PUT) $(CLIENT) $(DESTDIR)$(LIBDIR)/libkeybroker.a
	for h in $(HEADERS); do $(PUT) $$h $(DESTDIR)$(INCDIR)/$$h; done
	sed '$(PLACES)' contrib/libkeybroker.pc | \
	    $(PUT) /dev/stdin $(DESTDIR)$(PCDIR)/libkeybroker.pc
	sed '$(PLACES)' contrib/systemd/keybroker.service | \
	    $(PUT) /dev/stdin $(DESTDIR)$(UNITDIR)/keybroker.service
	$(PUT) contrib/systemd/keybroker.socket \
	    $(DESTDIR)$(UNITDIR)/keybroker.socket
	$(PUT) contrib/systemd/keybroker-http.socket \
	    $(DESTDIR)$(UNITDIR)/keybroker-http.socket
	$(PUT) contrib/systemd/one-user.conf $(DESTDIR)$(SHARE)/one-user.conf
	$(PUT) contrib/systemd/sysusers.conf \
	    $(DESTDIR)$(LIBDIR)/sysusers.d/keybroker.conf
	$(PUT) contrib/systemd/tmpfiles.conf \
	    $(DESTDIR)$(LIBDIR)/tmpfiles.d/keybroker.conf
	for m in contrib/man/*.[1-8]; do $(PUT) $$m \
	    $(DESTDIR)$(MANDIR)/man$${m##*.}/$${m##*/}; done
	$(PUT) contrib/completion/keybroker.bash $(DESTDIR)$(BASHDIR)/keybroker
	$(PUT) contrib/completion/_keybroker $(DESTDIR)$(ZSHDIR)/_keybroker
	$(PUT) contrib/lab.sh $(DESTDIR)$(SHARE)/lab.sh
	install -m 755 contrib/try-ca contrib/try-token $(DESTDIR)$(SHARE)
	for t in try-ca try-token; do ln -sf ../share/keybroker/$$t \
	    $(DESTDIR)$(BINDIR)/keybroker-$$t; done
	$(PUT) api/openapi.yaml $(DESTDIR)$(SHARE)/openapi.yaml
	$(PUT) -t $(DESTDIR)$(SHARE)/examples $(EXAMPLES)

# State and configuration stay.
uninstall:
	rm -f $(addprefix $(DESTDIR),$(SBINDIR)/keybrokerd \
	    $(BINDIR)/keybroker $(BINDIR)/keybroker-try-ca \
	    $(BINDIR)/keybroker-try-token $(LIBDIR)/libkeybroker.a \
	    $(PCDIR)/libkeybroker.pc $(UNITDIR)/keybroker.service \
	    $(UNITDIR)/keybroker.socket \
	    $(UNITDIR)/keybroker-http.socket $(LIBDIR)/sysusers.d/keybroker.conf \
	    $(LIBDIR)/tmpfiles.d/keybroker.conf $(BASHDIR)/keybroker \
	    $(ZSHDIR)/_keybroker)
	rm -rf $(addprefix $(DESTDIR),$(LIBEXEC) $(INCDIR) $(SHARE))
	for m in contrib/man/*.[1-8]; do \
	    rm -f $(DESTDIR)$(MANDIR)/man$${m##*.}/$${m##*/}; done

help:
	@echo "make                 build the programs into build/release"
	@echo "make demo            run a broker with a CA; KEEP=1 leaves it up"
	@echo "make check           install what is missing, build, run all tests"
	@echo "make check-unit      the unit tests only; FLAVOUR=test|sanitize"
	@echo "make check-sanitize  all tests under the sanitizers"
	@echo "make check-valgrind  unit and some other tests under valgrind"
	@echo "make check-long      a million hostile requests of each kind"
	@echo "make soak            MINUTES=30 of load while processes are killed"
	@echo "make fuzz            SECONDS=60 a target, TARGETS=words of names"
	@echo "make faulty-module   a PKCS#11 module that misbehaves on command"
	@echo "make bench           the benchmarks"
	@echo "make lint            format, static analysis, layer rules"
	@echo "make install         DESTDIR= PREFIX=/usr; and uninstall"
	@echo "make clean           remove build/"

clean:
	rm -rf build

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

.PHONY: all units fuzzers faulty-module tests check check-unit \
	check-sanitize check-valgrind check-long soak fuzz demo bench lint \
	install uninstall \
	help clean
.SECONDARY:
.DELETE_ON_ERROR:
