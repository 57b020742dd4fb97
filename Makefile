# Keybroker.  `make demo` and `make check` need nothing but git and make on a
# fresh Debian 12: they install what is missing.  Everything else: `make help`.

CC	?= gcc
PREFIX	?= /usr
FLAVOUR	?= release
BUILD	:= build/$(FLAVOUR)

WARN	:= -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	   -Wvla -Werror
HARDEN	:= -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong \
	   -fstack-clash-protection -fcf-protection -fPIE
LDHARD	:= -pie -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed

# Flavours: release is what is installed; test has the kill points; sanitize
# has the kill points and the address and undefined-behaviour sanitizers.
ifeq ($(FLAVOUR),test)
EXTRA	:= -DTEST_POINTS
endif
ifeq ($(FLAVOUR),sanitize)
HARDEN	:= -O1 -g -fPIE -fno-omit-frame-pointer
EXTRA	:= -DTEST_POINTS -fsanitize=address,undefined -fno-sanitize-recover=all
endif

CFLAGS	:= -std=c11 -D_GNU_SOURCE $(WARN) $(HARDEN) $(EXTRA) -MMD -MP -pthread
LDFLAGS	:= $(LDHARD) $(EXTRA) -pthread

P11KIT_CFLAGS := $(shell pkg-config --cflags p11-kit-1 2>/dev/null)
CFLAGS	+= $(P11KIT_CFLAGS)

# A layer is a static library, so that a program takes only what it names.
LAYERS	:= base policy json server core issuer signer supervisor cli
base_SRC	:= $(wildcard broker/base/*.c)
policy_SRC	:= $(wildcard policy/*.c)
json_SRC	:= $(wildcard api/*.c)
server_SRC	:= $(wildcard api/server/*.c)
core_SRC	:= $(wildcard broker/core/*.c)
issuer_SRC	:= $(wildcard broker/issuer/*.c)
signer_SRC	:= $(wildcard pkcs11/*.c)
supervisor_SRC	:= $(wildcard broker/supervisor/*.c)
cli_SRC		:= $(wildcard api/cli/*.c)

obj	= $(patsubst %.c,$(BUILD)/%.o,$($(1)_SRC))
lib	= $(foreach l,$(1),$(BUILD)/lib$(l).a)

PROGRAMS := keybrokerd keybroker-core keybroker-signer keybroker-issuer \
	    keybroker
BINARIES := $(addprefix $(BUILD)/,$(PROGRAMS))

all: $(BINARIES)

# program: objects; the layers it may use; the libraries it may link
$(BUILD)/keybrokerd: $(call obj,supervisor) $(call lib,policy base)
$(BUILD)/keybrokerd: LIBS := -lcrypto
$(BUILD)/keybroker-core: $(call obj,core) $(call lib,server json policy base)
$(BUILD)/keybroker-core: LIBS := -lmicrohttpd -lsqlite3 -lcjson -lcrypto
$(BUILD)/keybroker-signer: $(call obj,signer) $(call lib,base)
$(BUILD)/keybroker-signer: LIBS := -lp11-kit -lcrypto -ldl
$(BUILD)/keybroker-issuer: $(call obj,issuer) $(call lib,json base)
$(BUILD)/keybroker-issuer: LIBS := -lcurl -lcjson -lcrypto
$(BUILD)/keybroker: $(call obj,cli) $(call lib,json base)
$(BUILD)/keybroker: LIBS := -lcjson -lcrypto

$(BINARIES):
	@echo "  LINK    $@"
	@$(CC) $(LDFLAGS) -Wl,-Map,$@.map -o $@ $(filter %.o %.a,$^) $(LIBS)

define LAYER
$(BUILD)/lib$(1).a: $(call obj,$(1))
	@rm -f $$@
	@ar rcs $$@ $$^
endef
$(foreach l,base policy json server,$(eval $(call LAYER,$(l))))

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(CC) $(CFLAGS) -c -o $@ $<

# A unit test is one file; it names no layer because each test may use the
# lower ones; main() files of programs are never linked.
UNIT_SRC := $(wildcard tests/unit/*_test.c)
UNITS	 := $(patsubst %.c,$(BUILD)/%,$(UNIT_SRC))
UNIT_OBJ := $(filter-out %/main.o,$(foreach l,core issuer signer supervisor \
	    cli,$(call obj,$(l))))
$(BUILD)/libunit.a: $(UNIT_OBJ)
	@rm -f $@
	@ar rcs $@ $^
$(UNITS): $(BUILD)/%: $(BUILD)/%.o $(BUILD)/libunit.a \
	    $(call lib,server json policy base)
	@echo "  LINK    $@"
	@$(CC) $(LDFLAGS) -o $@ $< -Wl,--start-group $(filter %.a,$^) \
	    -Wl,--end-group -lcmocka -lmicrohttpd -lsqlite3 -lcurl -lcjson \
	    -lp11-kit -lcrypto -ldl
units: $(UNITS)
check-unit: units
	@set -e; for t in $(UNITS); do echo "  TEST    $$t"; $$t; done

clean:
	rm -rf build

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

.PHONY: all units check-unit clean
.SECONDARY:
