/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * catalogue.h - the drivers that a machine asks for, out of a folder of kernels' modules.
 *
 * DIR has a folder for each kernel's release, laid out as /lib/modules/RELEASE is: modules.alias,
 * modules.dep, modules.softdep (which may be absent), kernel/...  It is the administrator's, and so
 * are symbolic links in it, which are followed: a release may be a link to /lib/modules/RELEASE.
 * (In netdumpd's sandbox only if what it leads to may be read.)  All that a machine adds to a path
 * is the release, held against a list of harmless characters; aliases only choose among modules.
 * Paths in modules.dep that are absolute or have ".." are refused.
 *
 * The request is text: the release (uname -r), then a device's alias a line (its modalias in
 * sysfs).  The answer is a tar archive (ustar): first `order`, a line per module in the order to
 * load them, as sha256sum -c takes it, then the modules as they lie there, compressed or not.
 */
#ifndef NETDUMP_SERVER_CATALOGUE_H
#define NETDUMP_SERVER_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>

#define ND_CATALOGUE_REQUEST_MAX (64u << 10)
#define ND_CATALOGUE_DEVICES_MAX 256
#define ND_CATALOGUE_BYTES_MAX   (64u << 20) /* of modules in an answer */

struct nd_catalogue_answer {
	void *archive; /* malloc'ed */
	size_t bytes;
	unsigned int modules;
	char why[128]; /* printable */
};

/*
 * May take a while, for it reads files; many threads may call it at once.  The request needs no NUL
 * behind it, and zeros at its end are none of it.  True: archive is there, the caller's.  False:
 * why says why not.
 */
bool nd_catalogue_answer_make(int dir, const char *request, size_t bytes,
			      struct nd_catalogue_answer *answer);

#endif
