// SPDX-License-Identifier: GPL-2.0-or-later
/* parcel.c - bytes in pages that DINI finds by a table of their addresses. */
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "netdump.h"

#define TABLE_ORDER get_order(ND_PARCEL_BYTES_MAX / PAGE_SIZE * sizeof(u64))

struct nd_parcel *nd_parcel_new(void)
{
	struct nd_parcel *parcel = kzalloc(sizeof *parcel, GFP_KERNEL);

	if (!parcel)
		return NULL;
	parcel->table = (u64 *)__get_free_pages(GFP_KERNEL | __GFP_ZERO, TABLE_ORDER);
	if (parcel->table)
		return parcel;
	kfree(parcel);
	return NULL;
}

void nd_parcel_free(struct nd_parcel *parcel)
{
	if (!parcel)
		return;
	for (size_t i = 0; i < parcel->pages; i++)
		free_page((unsigned long)__va(parcel->table[i]));
	free_pages((unsigned long)parcel->table, TABLE_ORDER);
	kfree(parcel);
}

/* Below 4 GiB, where DINI can write, too; zeros. */
static int page_add(struct nd_parcel *parcel)
{
	unsigned long page;

	if (parcel->pages == ND_PARCEL_BYTES_MAX / PAGE_SIZE)
		return -EFBIG;
	page = __get_free_page(GFP_KERNEL | GFP_DMA32 | __GFP_ZERO | __GFP_NORETRY);
	if (!page)
		return -ENOMEM;
	parcel->table[parcel->pages++] = virt_to_phys((void *)page);
	return 0;
}

int nd_parcel_room(struct nd_parcel *parcel, size_t bytes)
{
	int error = 0;

	while (!error && parcel->pages * PAGE_SIZE < bytes)
		error = page_add(parcel);
	return error;
}

/* What lies at `at`, up to its page's end. */
static void *at_get(const struct nd_parcel *parcel, size_t at)
{
	return __va(parcel->table[at / PAGE_SIZE]) + at % PAGE_SIZE;
}

static size_t stretch(size_t at, size_t bytes)
{
	return min_t(size_t, bytes, PAGE_SIZE - at % PAGE_SIZE);
}

static int copy(void *to, const void *from, size_t bytes)
{
	memcpy(to, from, bytes);
	return 0;
}

static int copy_user(void *to, const void *from, size_t bytes)
{
	return copy_from_user(to, (const void __user *)from, bytes) ? -EFAULT : 0;
}

static int add(struct nd_parcel *parcel, const void *from, size_t bytes,
	       int (*copy_some)(void *, const void *, size_t))
{
	int error = bytes <= ND_PARCEL_BYTES_MAX - parcel->bytes
			    ? nd_parcel_room(parcel, parcel->bytes + bytes)
			    : -EFBIG;

	for (size_t done = 0, more; !error && done < bytes; done += more) {
		more = stretch(parcel->bytes, bytes - done);
		error = copy_some(at_get(parcel, parcel->bytes), from + done, more);
		parcel->bytes += error ? 0 : more;
	}
	return error;
}

int nd_parcel_add(struct nd_parcel *parcel, const void *from, size_t bytes)
{
	return add(parcel, from, bytes, copy);
}

int nd_parcel_add_user(struct nd_parcel *parcel, const char __user *from, size_t bytes)
{
	return add(parcel, (const void __force *)from, bytes, copy_user);
}

ssize_t nd_parcel_read(const struct nd_parcel *parcel, char __user *to, size_t bytes, size_t at)
{
	size_t left = at < parcel->bytes ? parcel->bytes - at : 0;

	bytes = stretch(at, min(bytes, left));
	if (bytes && copy_to_user(to, at_get(parcel, at), bytes))
		return -EFAULT;
	return bytes;
}
