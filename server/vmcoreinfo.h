/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vmcoreinfo.h - looks values up in VMCOREINFO, the text in which Linux describes itself. */
#ifndef NETDUMP_SERVER_VMCOREINFO_H
#define NETDUMP_SERVER_VMCOREINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nd_vmcoreinfo {
	const char *text; /* not NUL-terminated */
	size_t bytes;
};

/* Value of "KEY=value", cut to fit; false if there is none. */
bool nd_vmcoreinfo_text(const struct nd_vmcoreinfo *v, const char *key, char *to, size_t room);
/* SYMBOL(name)=hex, SIZE, OFFSET, LENGTH(name)=n, NUMBER(name)=n (may be negative) */
bool nd_vmcoreinfo_symbol(const struct nd_vmcoreinfo *v, const char *name, uint64_t *value);
bool nd_vmcoreinfo_size(const struct nd_vmcoreinfo *v, const char *name, uint64_t *value);
bool nd_vmcoreinfo_offset(const struct nd_vmcoreinfo *v, const char *name, uint64_t *value);
bool nd_vmcoreinfo_length(const struct nd_vmcoreinfo *v, const char *name, uint64_t *value);
bool nd_vmcoreinfo_number(const struct nd_vmcoreinfo *v, const char *name, uint64_t *value);

#endif
