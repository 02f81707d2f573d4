/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * modules.h - which of a kernel's modules a device needs, in the order to load them.
 *
 * By the texts that depmod(8) makes, as modprobe(8) reads them: modules.alias has what patterns
 * (fnmatch(3)) of devices a module is for, modules.dep the modules that it needs, modules.softdep
 * those that it wants before it, by their names or by aliases.  '-' and '_' are the same.
 */
#ifndef NETDUMP_SERVER_MODULES_H
#define NETDUMP_SERVER_MODULES_H

#include <stdbool.h>
#include <stddef.h>

#define ND_MODULES_MAX         64
#define ND_MODULES_ALIAS_BYTES 512 /* of a device or a pattern, with its NUL */

/* Some of a longer text. */
struct nd_words {
	const char *at;
	size_t bytes;
};

/* A line of modules.dep. */
struct nd_module {
	struct nd_words name, path, needs;
};

struct nd_modules {
	/* out: paths below the release's folder, in the order to load them; they point into dep */
	struct nd_words path[ND_MODULES_MAX];
	unsigned int count;
	char why[96];

	const char *alias, *softdep;
	struct nd_module *module; /* all that there are, by their names */
	size_t modules;
	/* those that are in path or on their way: no cycle is gone round */
	const struct nd_module *seen[ND_MODULES_MAX];
	unsigned int seen_count;
};

/* The texts end in NUL and stay the caller's; NULL: there is none.  False: no memory. */
bool nd_modules_init(struct nd_modules *m, const char *alias, const char *dep, const char *softdep);
void nd_modules_free(struct nd_modules *m);

/*
 * Adds the modules for this device (or what is called so), each behind what it needs, and none
 * twice.  A module without a line in modules.dep is none: it may be built in.  A device that no
 * module is for adds nothing.  False: why says it.
 */
bool nd_modules_add(struct nd_modules *m, const char *alias);

/* The last part of a path. */
struct nd_words nd_modules_file_name(struct nd_words path);

#endif
