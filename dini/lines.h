/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lines.h - PCI's interrupt lines: which goes to which input of the PICs. */
#ifndef DINI_LINES_H
#define DINI_LINES_H

/* Those that the system took off the PICs go there again, as far as the chipset remembers where. */
void nd_lines_join(void);

#endif
