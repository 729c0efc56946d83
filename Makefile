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
FREE_GOALS := deps deps-isa help clean check format memcheck lint check-isa isa-check-binary bench bench-full bench-zoo bench-peers test report sanitize kernels-check golden fuzz code-objects verify-measurement verify-statistics deps-browser browser-test deps-slurm slurm-test nightly
PKGS := libcjson zlib openblas libcpuid libmd gsl sqlite3
ifneq ($(if $(MAKECMDGOALS),$(filter-out $(FREE_GOALS),$(MAKECMDGOALS)),all),)
ifeq ($(filter deps,$(MAKECMDGOALS)),)
MISSING := $(shell sh scripts/missing_packages.sh build)
ifneq ($(MISSING),)
$(error missing packages: $(MISSING): run `make deps`, or install them by hand)
endif
endif
endif
# Where installed suites and tables are found.
EXTRA_resource := -DPACKLIGHT_SHARE='"$(PREFIX)/share/packlight"'
PKG_CFLAGS = $(if $(PKGS),$(shell pkg-config --cflags $(PKGS)))
# GSL's own cblas has the same names as OpenBLAS and is slow: it is not linked, and gsl stays behind openblas.
PKG_LIBS = $(filter-out -lgslcblas,$(shell pkg-config --libs $(PKGS))) -lm -pthread

# The kernels of the other architecture are left out.
ARCH_DIR := $(if $(findstring aarch64,$(shell $(CC) -dumpmachine 2>/dev/null)),arm,x86)
SRC := $(sort $(wildcard harness/*.c harness/*/*.c kernels/*.c kernels/ref/*.c kernels/$(ARCH_DIR)/*.c))
# Libraries that are compared with ours, if their headers are there: PEERS= builds without them. They are loaded when
# asked for and not linked.
header = $(if $(shell echo '\#include <$(1)>' | $(CC) $(CPPFLAGS) -E -x c - >/dev/null 2>&1 && echo yes),$(2))
PEERS ?= $(call header,oneapi/dnnl/dnnl.h,onednn) $(call header,xnnpack.h,xnnpack)
SRC := $(filter-out $(foreach p,$(filter-out $(PEERS),onednn xnnpack),$(wildcard harness/peers/$(p)*.c)),$(SRC))
$(B)/peers.h: FORCE
	@mkdir -p $(@D)
	@sh scripts/find_peers.sh $(PEERS) > $@.new && if cmp -s $@.new $@; then rm -f $@.new; else mv -f $@.new $@; fi
$(B)/harness/peers/peer_onednn.o $(B)/harness/peers/peer_xnnpack.o: $(B)/peers.h
EXTRA_peer_onednn = -include $(B)/peers.h
EXTRA_peer_xnnpack = -include $(B)/peers.h
OBJ := $(SRC:%.c=$(B)/%.o)
LIB_OBJ := $(filter-out $(B)/harness/main.o,$(OBJ))
TEST_SRC := $(sort $(wildcard tests/test_*.c))
TEST_BIN := $(TEST_SRC:tests/%.c=$(B)/tests/%)

# What goes into env.json about this build.
FLAGS_TEXT = $(CFLAGS) $(filter-out -I% -D% -M% -W%,$(PROJECT_CFLAGS))

# The same objects in other orders: the same code at other addresses. A few always, as many as a gate wants on request.
LAYOUTS := $(foreach n,1 2 3,$(B)/packlight-layout$(n))
MORE_LAYOUTS := $(foreach n,4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19,$(B)/packlight-layout$(n))

all: $(B)/packlight $(LAYOUTS) ## build packlight (binary: ./packlight)
	$(Q)ln -sf $(B)/packlight packlight

layouts: all $(MORE_LAYOUTS) ## relinked variants of the build, one for every process pair: what a gate should run with

$(B)/packlight: $(B)/harness/main.o $(B)/libpacklight.a
	$(Q)rm -f $(MORE_LAYOUTS)
	$(Q)$(CC) $(PROJECT_LDFLAGS) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)
	$(if $(filter 0,$(V)),@echo "  LINK $@")

# Those that `all` does not make go with the program that they are variants of.
$(MORE_LAYOUTS): $(B)/packlight
$(B)/packlight-layout%: $(OBJ) scripts/permute.sh
	$(Q)$(CC) $(PROJECT_LDFLAGS) $(LDFLAGS) -Wl,-S -o $@ $$(sh scripts/permute.sh $* $(OBJ)) $(PKG_LIBS)
	$(if $(filter 0,$(V)),@echo "  LINK $@")

$(B)/libpacklight.a: $(LIB_OBJ)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# Rewritten only when it changes, so that a new commit recompiles one file.
$(B)/build_id.h: export CC := $(CC)
$(B)/build_id.h: export BUILD_FLAGS = $(FLAGS_TEXT)
$(B)/build_id.h: export BUILD_MODE = $(MODE)
$(B)/build_id.h: FORCE
	@mkdir -p $(@D)
	@sh scripts/build_id.sh > $@.new && if cmp -s $@.new $@; then rm -f $@.new; else mv -f $@.new $@; fi
$(B)/harness/measure/build_info.o: $(B)/build_id.h
EXTRA_build_info = -include $(B)/build_id.h -include $(B)/code_id.h

# What a timed inference can execute: kernels, the engine, the graph that it plans from, the inputs, the clock's window.
CODE_OBJ := $(sort $(filter $(B)/kernels/% $(B)/harness/engine/% $(B)/harness/graph/%,$(OBJ)) \
            $(addprefix $(B)/harness/,runner.o infer.o base/mem.o base/pool.o measure/batch.o measure/clock.o))
$(B)/code_id.h: export CODE_FLAGS = $(FLAGS_TEXT)
$(B)/code_id.h: $(CODE_OBJ) scripts/code_id.sh
	$(Q)sh scripts/code_id.sh $(B) $(CODE_OBJ:$(B)/%=%) > $@.new && mv -f $@.new $@
$(B)/harness/measure/build_info.o: $(B)/code_id.h
code-objects:
	@printf '%s\n' $(CODE_OBJ:$(B)/%=%)
FORCE:

# Kernels: one instruction set per file, chosen by the file's suffix. The reference is never tuned.
$(B)/kernels/ref/%.o: ISA_FLAGS := -fno-tree-vectorize -fno-tree-slp-vectorize
$(B)/kernels/x86/%_avx2.o: ISA_FLAGS := -mavx2 -mfma
$(B)/kernels/x86/%_sse41.o: ISA_FLAGS := -msse4.1
$(B)/kernels/x86/%_avxvnni.o: ISA_FLAGS := -mavx2 -mfma -mavxvnni
$(B)/kernels/x86/%_avx512vnni.o: ISA_FLAGS := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni -mavx2 -mfma
$(B)/kernels/arm/%_neondot.o: ISA_FLAGS := -march=armv8.2-a+dotprod

# Elementwise loops of training: vectors of the baseline instruction set. -fno-math-errno lets sqrtf be one instruction.
EXTRA_optim := -O3 -fno-math-errno
EXTRA_fakequant := -O3
# gcc would turn the copies of short rows into calls of memcpy; clang has no such option.
EXTRA_op_conv_train = -O3 $(shell $(CC) -fno-tree-loop-distribute-patterns -E -x c /dev/null >/dev/null 2>&1 && \
                      echo -fno-tree-loop-distribute-patterns)
EXTRA_op_fc_train := -O3
EXTRA_op_pool_train := -O3
EXTRA_op_conv_taps_train := -O3
EXTRA_op_depthwise_train := -O3
EXTRA_op_norm_train := -O3
EXTRA_op_elementwise_train := -O3
EXTRA_net_forward := -O3
EXTRA_blas := -O3

# The binary carries its gnuplot templates, and the style and script of its pages: each becomes an array of lines.
GP_INC := $(patsubst scripts/plots/%,$(B)/gen/report/%.inc,$(sort $(wildcard scripts/plots/*.gp)))
AS_LINES = sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$$/\\n",/' $< > $@
$(B)/gen/report/%.inc: scripts/plots/%
	@mkdir -p $(@D)
	$(Q)$(AS_LINES)
$(B)/gen/report/%.inc: scripts/report/%
	@mkdir -p $(@D)
	$(Q)$(AS_LINES)
$(B)/harness/report/plot_script.o: $(GP_INC)
$(B)/harness/report/html.o: $(B)/gen/report/report.css.inc $(B)/gen/report/report.js.inc
EXTRA_plot_script := -I$(B)/gen
EXTRA_html := -I$(B)/gen
# And the tables of its history.
$(B)/gen/%.sql.inc: harness/%.sql
	@mkdir -p $(@D)
	$(Q)$(AS_LINES)
$(B)/harness/history/history.o: $(B)/gen/history/schema.sql.inc
EXTRA_history := -I$(B)/gen

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(PROJECT_CFLAGS) $(PKG_CFLAGS) $(CFLAGS) $(ISA_FLAGS) $(EXTRA_$(notdir $*)) -c -o $@ $<
	$(if $(filter 0,$(V)),@echo "  CC $<")

$(B)/tests/%: $(B)/tests/%.o $(B)/libpacklight.a
	$(Q)$(CC) $(PROJECT_LDFLAGS) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) -lcmocka
.PRECIOUS: $(B)/tests/%.o

tests-build: $(TEST_BIN)

JOBS ?= $(shell nproc 2>/dev/null || echo 1)
BUILD := $(MAKE) --no-print-directory -j$(JOBS)
SUITE ?= suites/quick.json
BENCH_FLAGS ?=
PEERS_FLAGS ?=

deps: ## install the Debian packages that are missing (sudo only when not root)
	@sh scripts/install_deps.sh

deps-isa: ## install the emulators and the cross compiler that check-isa needs
	@sh scripts/install_deps.sh isa

deps-browser: ## install the browser that looks at reports in browser-test
	@sh scripts/install_deps.sh browser

deps-slurm: ## install slurmctld, slurmd and munge, which slurm-test starts for itself
	@sh scripts/install_deps.sh slurm

bench: ## the quick matrix: train once, run every cell, print the table, draw the plots
	@$(BUILD) all
	@before=$$(readlink results/latest); ./packlight bench $(SUITE) $(BENCH_FLAGS); code=$$?; \
	 [ $$code != 2 ] || [ "$$before" != "$$(readlink results/latest)" ] || exit 2; \
	 ./packlight report results/latest || exit $$?; exit $$code

bench-full: ## the standard matrix: longer training, more sparsities (two to three hours the first time)
	@$(MAKE) --no-print-directory bench SUITE=suites/standard.json

bench-zoo: ## deployed model families with random weights, for time and size
	@$(MAKE) --no-print-directory bench SUITE=suites/zoo.json

bench-peers: ## our kernels against oneDNN, XNNPACK and OpenBLAS in the same process, with a roofline
	@$(BUILD) all
	@before=$$(readlink results/latest-peers); ./packlight peers $(PEERS_FLAGS); code=$$?; \
	 [ $$code != 2 ] || [ "$$before" != "$$(readlink results/latest-peers)" ] || exit 2; \
	 ./packlight report results/latest-peers || exit $$?; exit $$code

report: ## tables and plots of the newest run again
	@$(BUILD) all
	@./packlight report results/latest

nightly: ## one night: run the nightly suite, compare with the anchor and the last good night, draw trends
	@scripts/nightly.sh

TEST_SCRIPTS := tests/cli.sh tests/golden.sh tests/code_id.sh tests/browser.sh tests/compare.sh tests/nightly.sh tests/ci.sh

test: ## everything: checks, unit, kernel, golden and command-line tests, also with sanitizers
	@$(BUILD) all tests-build
	@$(BUILD) MODE=sanitize B=$(SANITIZE_B) sanitize-build
	@$(MAKE) --no-print-directory check
	@REPORT_MAKER=$(B)/tests/test_report_plots sh scripts/run_tests.sh $(TEST_BIN) $(TEST_SCRIPTS) $(SANITIZE_B)/tests/all.sh

browser-test: ## a report in headless Chromium: console, sorting, filters, themes, print, phone, without JavaScript
	@$(BUILD) all $(B)/tests/test_report_plots
	@REPORT_MAKER=$(B)/tests/test_report_plots sh scripts/run_tests.sh tests/browser.sh

SANITIZE_B := build/sanitize-$(notdir $(firstword $(CC)))
sanitize-build: $(TEST_BIN)
	@printf '#!/bin/sh\n# every test program of this build, as one\nset -u\nfor t in $(TEST_SRC:tests/%.c=%); do "$$(dirname "$$0")/$$t" || code=1; done\nexit $${code:-0}\n' >$(B)/tests/all.sh
	@chmod +x $(B)/tests/all.sh

sanitize: ## the unit tests with AddressSanitizer and UndefinedBehaviorSanitizer
	@$(BUILD) MODE=sanitize B=$(SANITIZE_B) sanitize-build
	@sh scripts/run_tests.sh $(SANITIZE_B)/tests/all.sh

memcheck: ## the command-line tests under valgrind
	@$(BUILD) all
	@mkdir -p build/memcheck
	@printf '#!/bin/sh\nexec valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,possible %s "$$@"\n' "$(CURDIR)/packlight" >build/memcheck/packlight
	@chmod +x build/memcheck/packlight
	@PACKLIGHT=$(CURDIR)/build/memcheck/packlight sh scripts/run_tests.sh tests/cli.sh

lint: ## clang-tidy and cppcheck over the sources (what is left out is explained in the scripts)
	@$(BUILD) all
	@sh scripts/lint.sh

check: ## the include rule and the style rules
	@sh scripts/check_includes.sh
	@sh scripts/check_style.sh

# The kernels and their check, without libraries: for processors that only an emulator has.
ISA_SRC := $(sort $(wildcard kernels/*.c kernels/ref/*.c kernels/$(ARCH_DIR)/*.c)) harness/kncheck/kncheck.c \
           $(sort $(wildcard harness/kncheck/kncase*.c)) harness/base/status.c harness/base/rng.c harness/base/mem.c
isa-check-binary: $(B)/isa_check
$(B)/isa_check: PKGS :=
$(B)/isa_check: $(ISA_SRC:%.c=$(B)/%.o) $(B)/tests/isa_check.o
	$(Q)$(CC) -static $(LDFLAGS) -o $@ $^ -lm

slurm-test: ## the matrix on a real Slurm of two nodes on this machine (a minute; skipped without make deps-slurm)
	@$(BUILD) all
	@tests/slurm.sh

check-isa: ## the kernel check at every level that runs here or under qemu (x86, AArch64)
	@$(BUILD) all
	@sh scripts/check_isa.sh $(CASES) $(SEED)

kernels-check: ## every kernel at every level of this CPU against the reference
	@$(BUILD) all
	@./packlight kernels --check

golden: ## make results/golden again (read the difference with git diff)
	@$(BUILD) all
	@sh tests/golden.sh --update

verify-measurement: ## tries the ruler: simulations, live A/A, injected slowdowns, neighbours, seeded defects, kills (1.5 hours; PARTS="aa gate")
	@$(BUILD) layouts
	@bash scripts/verify_measurement.sh $(PARTS)

verify-statistics: ## the promises of the gate by simulation: false alarms, power, coverage (RUNS=10000)
	@$(BUILD) all $(B)/tests/verify_statistics
	@$(B)/tests/verify_statistics $(RUNS)

fuzz: ## long run of the file readers' mutation tests
	@$(BUILD) MODE=sanitize B=$(SANITIZE_B) sanitize-build
	@PACKLIGHT_FUZZ_ROUNDS=$${ROUNDS:-2000000} $(SANITIZE_B)/tests/test_plk_fuzz

format: ## clang-format over all sources
	clang-format -i $$(find harness kernels tests -name '*.[ch]')

install: all ## install under PREFIX (default /usr/local) with manual page and completions, DESTDIR respected
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/packlight $(DESTDIR)$(PREFIX)/libexec/packlight \
	           $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 755 $(B)/packlight $(DESTDIR)$(PREFIX)/bin/packlight
	install -m 755 $(LAYOUTS) $(DESTDIR)$(PREFIX)/libexec/packlight/
	cp -r suites $(DESTDIR)$(PREFIX)/share/packlight/
	sh scripts/man/manual.sh $(B)/packlight >$(B)/packlight.1
	install -m 644 $(B)/packlight.1 $(DESTDIR)$(PREFIX)/share/man/man1/packlight.1
	install -D -m 644 scripts/completion/packlight.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/packlight
	install -D -m 644 scripts/completion/_packlight $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_packlight
	install -D -m 644 scripts/completion/packlight.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/packlight.fish

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /\1\t/' | while IFS="$$(printf '\t')" read -r t d; do printf '  %-14s %s\n' "$$t" "$$d"; done

clean: ## remove what was built (not results)
	rm -rf build packlight

-include $(OBJ:.o=.d) $(TEST_SRC:%.c=$(B)/%.d) $(B)/tests/isa_check.d $(B)/tests/verify_statistics.d
.PHONY: all layouts verify-measurement code-objects help clean tests-build deps deps-isa bench bench-full bench-zoo bench-peers report test sanitize sanitize-build memcheck lint check kernels-check check-isa isa-check-binary golden fuzz format install FORCE verify-statistics deps-browser browser-test deps-slurm slurm-test nightly
