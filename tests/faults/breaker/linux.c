// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * linux.c - the breaker as a process of Linux: `breaker HANDOFF WORD[,WORD...]`.
 *
 * Wants iomem=relaxed on the kernel's command line, for the registers that a driver holds.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <unistd.h>

#include "stub/common/serial.h"
#include "tests/faults/breaker/breaks.h"

#define PAGE_BYTES 4096u

static int memory = -1;

volatile void *nd_breaker_map(uint64_t phys, size_t bytes)
{
	uint64_t page = phys & ~(uint64_t)(PAGE_BYTES - 1);
	char *mapped = mmap(NULL, phys - page + bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory,
			    (off_t)page);

	return mapped == MAP_FAILED ? NULL : mapped + (phys - page);
}

void nd_serial_print(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	fflush(stdout);
}

enum nd_broken nd_breaker_unbind(uint16_t bdf, const char **why)
{
	char path[64], name[16];
	int file;
	ssize_t done;

	snprintf(name, sizeof name, "0000:%02x:%02x.%x", bdf >> 8, bdf >> 3 & 31, bdf & 7);
	snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/driver/unbind", name);
	*why = "the NIC has no driver";
	file = open(path, O_WRONLY);
	if (file < 0)
		return ND_BROKEN_NEVER;
	done = write(file, name, strlen(name));
	close(file);
	*why = "the driver stays bound";
	return done > 0 && access(path, F_OK) ? ND_BROKEN : ND_BROKEN_NOT;
}

/* It has x2APIC mode with interrupt remapping only, */
enum nd_broken nd_breaker_x2apic(const struct nd_nic *unused, const struct nd_handoff *none,
				 const char **why)
{
	(void)unused;
	(void)none;
	*why = "no process can";
	return ND_BROKEN_NEVER;
}

/* and this wherever the CPU has it. */
enum nd_broken nd_breaker_pcid(const struct nd_nic *unused, const struct nd_handoff *none,
			       const char **why)
{
	(void)unused;
	(void)none;
	*why = "no process can";
	return ND_BROKEN_NEVER;
}

int main(int argc, char **argv)
{
	const struct nd_handoff *h;

	if (argc != 3) {
		fprintf(stderr, "breaker HANDOFF WORD[,WORD...]\n");
		return 2;
	}
	memory = open("/dev/mem", O_RDWR | O_SYNC);
	if (memory < 0 || iopl(3)) {
		perror("breaker: /dev/mem and ports");
		return 1;
	}
	h = (const struct nd_handoff *)nd_breaker_map(strtoull(argv[1], NULL, 0), sizeof *h);
	if (!h || !nd_handoff_valid(h)) {
		fprintf(stderr, "breaker: no handoff block at %s\n", argv[1]);
		return 1;
	}
	nd_break(argv[2], strlen(argv[2]), h);
	return 0;
}
