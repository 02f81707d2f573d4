# SPDX-License-Identifier: GPL-2.0-or-later
#
# What scripts/site-check asks: netdump.c32's own reading of its words, on the host.

SITE_SRC := $(addprefix site/,main.c probe.c words.c) com32/netdump/options.c $(WIRE_SRC)

.PHONY: site site-parts
site-parts: $(B)/site/netdump-words
site: site-parts $(B)/.setup-site ## what scripts/site-check needs
$(B)/site/netdump-words: $(SITE_SRC) $(wildcard site/*.h com32/netdump/options.h wire/*.h include/netdump/*.h) \
		$(B)/.setup-server
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(HOST_CFLAGS) $(LDFLAGS) -o $@ $(SITE_SRC) -ljansson -lbearssl

# The program looks for its parts beside itself.
SITE_LIB := $(PREFIX)/lib/netdump-site
INSTALLS += install-site
.PHONY: install-site
install-site: site-parts
	$(Q)$(call install_files,755,$(SITE_LIB),scripts/site-check $(B)/site/netdump-words)
	$(Q)$(call install_files,644,$(SITE_LIB)/sitelib,scripts/sitelib/*.py)
	$(Q)mkdir -p $(DESTDIR)$(PREFIX)/sbin
	$(Q)ln -sft $(DESTDIR)$(PREFIX)/sbin ../lib/netdump-site/site-check
	$(Q)$(call install_files,644,$(PREFIX)/share/man/man8,docs/man/site-check.8)

CHECK += check-site
.PHONY: check-site
check-site: site dist stub server $(B)/.setup-check ## site-check against sites that are made up
	$(Q)$(PYTEST) tests/site
