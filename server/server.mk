# SPDX-License-Identifier: GPL-2.0-or-later
#
# netdumpd and netdumpctl, and both again with sanitizers for the tests.

STANDIN_SRC := tests/tools/standin/catalogue.c
SERVER_SRC := $(addprefix server/,answer.c bucket.c cache.c catalogue.c door.c elfcore.c finish.c flow.c give.c hearsay.c \
	hub.c info.c keep.c keys.c kind.c lanes.c link.c log.c loop.c machine.c map.c mem.c modules.c pace.c pages.c parts.c \
	phase.c plan.c printk.c quota.c reads.c rtt.c run.c select.c stacks.c store.c sums.c table.c timers.c vmcore.c \
	vmcoreinfo.c xen.c xlat.c)
# crypto.c takes the place of wire/crypto.c here; what runs together with DINI's agent keeps that.
NETDUMPD_SRC := $(addprefix server/,main.c keygen.c sandbox.c crypto.c) $(SERVER_SRC) \
	$(filter-out wire/crypto.c,$(WIRE_SRC))
NETDUMPCTL_SRC := $(addprefix server/,netdumpctl.c dumps.c kind.c log.c map.c pages.c partial.c parts.c store.c \
	sums.c verify.c vmcore.c)

NETDUMPD_LIBS := -laddrxlat -larchive -lelf -ljansson -llz4 -lbearssl -lnettle -lsodium -lseccomp -lpthread
NETDUMPCTL_LIBS := -lelf -ljansson -lbearssl -lnettle

HOST_SRC := $(sort $(NETDUMPD_SRC) $(NETDUMPCTL_SRC) $(STANDIN_SRC))

.PHONY: server server-san
server: $(B)/server/netdumpd $(B)/server/netdumpctl ## netdumpd and netdumpctl
server-san: $(B)/san/server/netdumpd $(B)/san/server/netdumpctl

$(HOST_SRC:%.c=$(B)/%.o): $(B)/%.o: %.c $(B)/.setup-server
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(HOST_CFLAGS) -MMD -MP -c -o $@ $<

$(HOST_SRC:%.c=$(B)/san/%.o): $(B)/san/%.o: %.c $(B)/.setup-server
	$(call say,CC-SAN,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(SAN_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/server/netdumpd: $(NETDUMPD_SRC:%.c=$(B)/%.o)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(NETDUMPD_LIBS)

$(B)/server/netdumpctl: $(NETDUMPCTL_SRC:%.c=$(B)/%.o)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(NETDUMPCTL_LIBS)

$(B)/san/server/netdumpd: $(NETDUMPD_SRC:%.c=$(B)/san/%.o)
	$(call say,LD,$@)
	$(Q)$(CC) -fsanitize=address,undefined -o $@ $^ $(NETDUMPD_LIBS)

$(B)/san/server/netdumpctl: $(NETDUMPCTL_SRC:%.c=$(B)/san/%.o)
	$(call say,LD,$@)
	$(Q)$(CC) -fsanitize=address,undefined -o $@ $^ $(NETDUMPCTL_LIBS)

# Both say which version they are.
VERSION_OBJ := $(addsuffix .o,server/main server/netdumpctl)
$(VERSION_OBJ:%=$(B)/%) $(VERSION_OBJ:%=$(B)/san/%): debian/changelog

INSTALLS += install-server
.PHONY: install-server
install-server: server
	$(Q)$(call install_files,755,$(PREFIX)/sbin,$(B)/server/netdumpd)
	$(Q)$(call install_files,755,$(PREFIX)/bin,$(B)/server/netdumpctl)
	$(Q)$(call install_files,644,$(PREFIX)/share/man/man8,docs/man/netdumpd.8)
	$(Q)$(call install_files,644,$(PREFIX)/share/man/man1,docs/man/netdumpctl.1)
	$(Q)sed 's#@SBINDIR@#$(PREFIX)/sbin#' server/netdumpd.service.in > $(B)/server/netdumpd.service
	$(Q)$(call install_files,644,$(UNITDIR),$(B)/server/netdumpd.service)
	$(Q)$(call install_as,644,server/netdumpd.sysusers,$(PREFIX)/lib/sysusers.d/netdumpd.conf)
	$(Q)$(call install_as,644,server/netdumpd.tmpfiles,$(PREFIX)/lib/tmpfiles.d/netdumpd.conf)
	$(Q)for name in netdumpd netdumpctl; do $(call install_as,644,server/netdumpd.bash-completion,\
		$(PREFIX)/share/bash-completion/completions/$$name); done

-include $(HOST_SRC:%.c=$(B)/%.d) $(HOST_SRC:%.c=$(B)/san/%.d)
