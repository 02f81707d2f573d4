// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sysfacts.c - where RAM is, and what the kernel tells programs in /sys and no module: where a
 * CPU's registers go at a crash, and when panic notifiers are called.
 */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/ioport.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "netdump.h"

#define POST_NOTIFIERS "/sys/module/kernel/parameters/crash_kexec_post_notifiers"
#define NUMBER_BYTES   24

static int ram_add(struct resource *ram, void *to)
{
	struct nd_memory *memory = to;

	if (memory->ram_count == ND_RAM_MAX)
		return -E2BIG;
	memory->ram[memory->ram_count++] = (struct nd_extent){ram->start, resource_size(ram)};
	return 0;
}

/* "Kernel code" to "Kernel bss", below the RAM that holds them. */
static void kernel_find(struct nd_extent *kernel)
{
	for (const struct resource *ram = iomem_resource.child; ram; ram = ram->sibling) {
		for (const struct resource *r = ram->child; r; r = r->sibling) {
			if (strncmp(r->name, "Kernel ", 7))
				continue;
			if (!kernel->bytes)
				kernel->phys = r->start;
			kernel->bytes = r->end + 1 - kernel->phys; /* they are in order */
		}
	}
}

int nd_memory_read(struct nd_memory *memory)
{
	int error;

	memset(memory, 0, sizeof *memory);
	error = walk_iomem_res_desc(IORES_DESC_NONE, IORESOURCE_SYSTEM_RAM | IORESOURCE_BUSY, 0, -1,
				    memory, ram_add);
	kernel_find(&memory->kernel);
	return error ? error : memory->ram_count ? 0 : -ENODATA;
}

/* The beginning of a file as text: its length, or a negative errno. */
static ssize_t text_read(const char *path, char *text, size_t room)
{
	struct file *file = filp_open(path, O_RDONLY, 0);
	loff_t at = 0;
	ssize_t got;

	if (IS_ERR(file))
		return PTR_ERR(file);
	got = kernel_read(file, text, room - 1, &at);
	filp_close(file, NULL);
	text[got > 0 ? got : 0] = '\0';
	return got;
}

static int number_read(unsigned int cpu, const char *name, int base, u64 *number)
{
	char path[64], text[NUMBER_BYTES];
	ssize_t got;

	snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%u/%s", cpu, name);
	got = text_read(path, text, sizeof text);
	return got < 0 ? got : kstrtou64(strim(text), base, number);
}

int nd_crash_notes_read(unsigned int cpu, struct nd_extent *notes)
{
	int error = number_read(cpu, "crash_notes", 16, &notes->phys);

	return error ? error : number_read(cpu, "crash_notes_size", 10, &notes->bytes);
}

int nd_post_notifiers_set(char to, char *before)
{
	char text[NUMBER_BYTES];
	ssize_t done = text_read(POST_NOTIFIERS, text, sizeof text);
	struct file *file;
	loff_t at = 0;

	if (done < 0)
		return done;
	*before = text[0];
	file = filp_open(POST_NOTIFIERS, O_WRONLY, 0);
	if (IS_ERR(file))
		return PTR_ERR(file);
	done = kernel_write(file, &to, 1, &at);
	filp_close(file, NULL);
	return done < 0 ? done : 0;
}
