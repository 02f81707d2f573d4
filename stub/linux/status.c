// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * status.c - /sys/kernel/netdump: whether a panic would be dumped, to whom, and whether what it
 * takes is still whole.  One fact a file; a fact with several parts has a line for each.
 */
#include <linux/iommu.h>
#include <linux/kobject.h>
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/sysfs.h>

#include <asm/pgtable_types.h>

#include "netdump.h"

static struct kobject *folder;
static const struct nd_handoff *block;
static const char *never; /* armed, and why not; NULL: it was */

/* Why a panic now would not be dumped, or NULL. */
static const char *why_not(void)
{
	if (never)
		return never;
	if (!nd_block_is_whole())
		return "the handoff block is damaged";
	if (nd_panic_stands_back())
		return "a crash kernel is loaded, and goes first";
	if (!block->server_count)
		return "no server is configured";
	if (block->security == ND_SECURITY_NONE)
		return "netdump.c32 was given neither a key nor \"insecure\"";
	return NULL;
}

static ssize_t armed_show(struct kobject *unused, struct kobj_attribute *attribute, char *to)
{
	const char *why = why_not();

	return why ? sysfs_emit(to, "no: %s\n", why) : sysfs_emit(to, "yes\n");
}

static ssize_t host_show(struct kobject *unused, struct kobj_attribute *attribute, char *to)
{
	return sysfs_emit(to, "%.*s\n", ND_HOST_BYTES - 1, block->host);
}

static ssize_t server_show(struct kobject *unused, struct kobj_attribute *attribute, char *to)
{
	int used = 0;

	for (u32 i = 0; i < block->server_count; i++)
		used += sysfs_emit_at(to, used, "%pI4:%u\n", block->server_ip[i],
				      block->server_port);
	return used;
}

static ssize_t security_show(struct kobject *unused, struct kobj_attribute *attribute, char *to)
{
	static const char *const name[] = {
		[ND_SECURITY_NONE] = "none: nothing is sent",
		[ND_SECURITY_PLAIN] = "insecure",
		[ND_SECURITY_NK] = "the servers' keys",
		[ND_SECURITY_NKPSK0] = "the servers' keys and this host's",
	};

	return sysfs_emit(to, "%s\n",
			  block->security < ARRAY_SIZE(name) ? name[block->security] : "unknown");
}

static ssize_t nic_show(struct kobject *unused, struct kobj_attribute *attribute, char *to)
{
	struct pci_dev *nic = nd_nic_get();
	const char *driver;
	int used;

	if (!nic)
		return sysfs_emit(to, "unknown, %pM\n", block->mac);
	driver = nic->dev.driver ? dev_driver_string(&nic->dev) : "none";
	used = sysfs_emit(to, "%s, %pM, driver %s\n", pci_name(nic), block->mac, driver);
	pci_dev_put(nic);
	return used;
}

static ssize_t iommu_show(struct kobject *unused, struct kobj_attribute *attribute, char *to)
{
	struct pci_dev *nic = nd_nic_get();
	int used;

	if (!nic || !iommu_get_domain_for_dev(&nic->dev))
		used = sysfs_emit(to, "none for the NIC\n");
	else if (nd_nic_reaches_fence(nic))
		used = sysfs_emit(to, "on, and the NIC reaches the fence: one to one\n");
	else
		used = sysfs_emit(to, "on, and the NIC does not reach the fence\n");
	pci_dev_put(nic);
	return used;
}

static const char *kind_name(u32 kind)
{
	switch (kind) {
	case ND_RANGE_GATE:
		return "gate";
	case ND_RANGE_UNDI:
		return "undi";
	case ND_RANGE_DINI:
		return "dini";
	default:
		return NULL;
	}
}

/* Pages that the kernel could write to by its map of all memory. */
static unsigned int pages_mapped(const struct nd_range *range)
{
	unsigned int mapped = 0;

	for (u64 phys = range->phys & PAGE_MASK; phys < range->phys + range->bytes;
	     phys += PAGE_SIZE) {
		unsigned int level;
		pte_t *entry = lookup_address((unsigned long)__va(phys), &level);

		mapped += entry && pte_present(*entry) && pte_write(*entry);
	}
	return mapped;
}

static ssize_t fence_show(struct kobject *unused, struct kobj_attribute *attribute, char *to)
{
	int used = 0;

	for (u32 i = 0; i < block->map_count; i++) {
		const struct nd_range *range = &block->map[i];
		const char *name = kind_name(range->kind);

		if (name)
			used += sysfs_emit_at(
				to, used, "%#llx-%#llx %s, %u of %llu pages mapped\n", range->phys,
				range->phys + range->bytes - 1, name, pages_mapped(range),
				DIV_ROUND_UP(offset_in_page(range->phys) + range->bytes,
					     PAGE_SIZE));
	}
	return used;
}

static ssize_t seal_show(struct kobject *unused, struct kobj_attribute *attribute, char *to)
{
	int whole = nd_visit_seal_look();

	if (whole == -EBUSY)
		return sysfs_emit(to, "open, while something is sent\n");
	if (whole < 0)
		return whole;
	return sysfs_emit(to, "%s\n", whole ? "holds" : "broken");
}

static ssize_t last_words_show(struct kobject *unused, struct kobj_attribute *attribute, char *to)
{
	const char *words = nd_block_last_words();

	return sysfs_emit(to, "%.*s\n", ND_REASON_BYTES - 1, words ? words : "");
}

static ssize_t visits_show(struct kobject *unused, struct kobj_attribute *attribute, char *to)
{
	return sysfs_emit(to, "%u\n", nd_visit_count());
}

static struct kobj_attribute armed = __ATTR_RO(armed);
static struct kobj_attribute host = __ATTR_RO(host);
static struct kobj_attribute server = __ATTR_RO(server);
static struct kobj_attribute security = __ATTR_RO(security);
static struct kobj_attribute nic = __ATTR_RO(nic);
static struct kobj_attribute iommu = __ATTR_RO(iommu);
static struct kobj_attribute fence = __ATTR_RO_MODE(fence, 0400);
static struct kobj_attribute seal = __ATTR_RO_MODE(seal, 0400); /* it takes a while */
static struct kobj_attribute visits = __ATTR_RO(visits);
static struct kobj_attribute last_words = __ATTR_RO(last_words);

static struct attribute *without_block[] = {&armed.attr, NULL};
static struct attribute *with_block[] = {
	&armed.attr, &host.attr, &server.attr, &security.attr,   &nic.attr, &iommu.attr,
	&fence.attr, &seal.attr, &visits.attr, &last_words.attr, NULL,
};
static const struct attribute_group few = {.attrs = without_block};
static const struct attribute_group all = {.attrs = with_block};

int nd_status_make(const char *why)
{
	int error;

	block = nd_block();
	never = why;
	folder = kobject_create_and_add("netdump", kernel_kobj);
	if (!folder)
		return -ENOMEM;
	error = sysfs_create_group(folder, why ? &few : &all);
	if (error)
		nd_status_free();
	return error;
}

void nd_status_free(void)
{
	kobject_put(folder);
	folder = NULL;
}
