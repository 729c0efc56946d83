# packlight: see `make help`
.DEFAULT_GOAL := all
CC ?= cc
MODE ?= release
PREFIX ?= /usr/local
DESTDIR ?=
V ?= 0
Q := $(if $(filter 0,$(V)),@,)

# One build folder per mode and compiler, so that switching never rebuilds everything.
B ?= build/$(MODE)-$(notdir $(firstword $(CC)))

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wmissing-prototypes -Wstrict-prototypes -Wundef -Wvla \
        $(if $(CI),-Werror)
OPT_release := -O2 -g
OPT_sanitize := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
PROJECT_CFLAGS := -std=c11 $(OPT_$(MODE)) -ffp-contract=off $(WARN) -MMD -MP -Iharness -I. -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE
PROJECT_LDFLAGS := $(filter -fsanitize=%,$(OPT_$(MODE)))

# A missing library stops here with the name of its package; these goals work without any.
FREE_GOALS := deps help clean check format
PKGS := libcjson zlib openblas libcpuid libmd
ifneq ($(if $(MAKECMDGOALS),$(filter-out $(FREE_GOALS),$(MAKECMDGOALS)),all),)
ifeq ($(filter deps,$(MAKECMDGOALS)),)
MISSING := $(shell sh scripts/missing_packages.sh build)
ifneq ($(MISSING),)
$(error missing packages: $(MISSING): run `make deps`, or install them by hand)
endif
endif
endif
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS))
PKG_LIBS = $(shell pkg-config --libs $(PKGS)) -lm -pthread

SRC := $(sort $(wildcard harness/*.c harness/*/*.c kernels/*.c kernels/*/*.c))
OBJ := $(SRC:%.c=$(B)/%.o)
LIB_OBJ := $(filter-out $(B)/harness/main.o,$(OBJ))
TEST_SRC := $(sort $(wildcard tests/test_*.c))
TEST_BIN := $(TEST_SRC:tests/%.c=$(B)/tests/%)

# What goes into env.json about this build.
FLAGS_TEXT = $(CFLAGS) $(filter-out -I% -D% -M%,$(PROJECT_CFLAGS))

all: $(B)/packlight ## build packlight (binary: ./packlight)
	$(Q)ln -sf $(B)/packlight packlight

$(B)/packlight: $(B)/harness/main.o $(B)/libpacklight.a
	$(Q)$(CC) $(PROJECT_LDFLAGS) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)
	$(if $(filter 0,$(V)),@echo "  LINK $@")

$(B)/libpacklight.a: $(LIB_OBJ)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# Kernels: one instruction set per file, chosen by the file's suffix. The reference is never tuned.
$(B)/kernels/ref/%.o: ISA_FLAGS := -fno-tree-vectorize -fno-tree-slp-vectorize
$(B)/kernels/x86/%_avx2.o: ISA_FLAGS := -mavx2 -mfma

# Elementwise loops of training: vectors of the baseline instruction set. -fno-math-errno lets sqrtf be one instruction.
EXTRA_optim := -O3 -fno-math-errno
EXTRA_fakequant := -O3
# gcc would turn the copies of short rows into calls of memcpy; clang has no such option.
EXTRA_op_conv_train = -O3 $(shell $(CC) -fno-tree-loop-distribute-patterns -E -x c /dev/null >/dev/null 2>&1 && \
                      echo -fno-tree-loop-distribute-patterns)
EXTRA_op_fc_train := -O3
EXTRA_op_pool_train := -O3
EXTRA_net_run := -O3
EXTRA_blas := -O3

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(PROJECT_CFLAGS) $(PKG_CFLAGS) $(CFLAGS) $(ISA_FLAGS) $(EXTRA_$(notdir $*)) -c -o $@ $<
	$(if $(filter 0,$(V)),@echo "  CC $<")

$(B)/tests/%: $(B)/tests/%.o $(B)/libpacklight.a
	$(Q)$(CC) $(PROJECT_LDFLAGS) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) -lcmocka
.PRECIOUS: $(B)/tests/%.o

tests-build: $(TEST_BIN)

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /\1\t/' | while IFS="$$(printf '\t')" read -r t d; do printf '  %-14s %s\n' "$$t" "$$d"; done

clean: ## remove what was built (not results)
	rm -rf build packlight

-include $(OBJ:.o=.d) $(TEST_SRC:%.c=$(B)/%.d)
.PHONY: all help clean tests-build
