// SPDX-License-Identifier: GPL-2.0-or-later
/* xlat.c - reads the crashed kernel's virtual memory, with libaddrxlat for the walk. */
#include "server/xlat.h"

#include <stdlib.h>
#include <libkdumpfile/addrxlat.h>

#include "netdump/wire.h"

#define KERNEL_MAP_VIRT 0xffffffff80000000u /* __START_KERNEL_map of x86-64 */
#define CR3_TABLE_MASK  0x000ffffffffff000u

struct nd_xlat {
	const struct nd_mem *mem;
	const struct nd_xen *xen; /* not NULL: the root is one of the first domain's frames */
	addrxlat_ctx_t *ctx;
	addrxlat_sys_t *sys;
	addrxlat_meth_t method;
	enum nd_mem_status status; /* of the page that a walk stopped at */
};

/* Pages stay where they are until the parser is through: nothing to give back. */
static void page_put(const addrxlat_buffer_t *buffer)
{
	(void)buffer;
}

static addrxlat_status page_get(const addrxlat_cb_t *cb, addrxlat_buffer_t *buffer)
{
	struct nd_xlat *x = cb->priv;
	uint64_t page = buffer->addr.addr / ND_PAGE_BYTES;
	const uint8_t *data = NULL;

	x->status = x->mem->page(x->mem->context, page, &data);
	if (x->status != ND_MEM_OK)
		return ADDRXLAT_ERR_NODATA;
	buffer->addr.addr = page * ND_PAGE_BYTES;
	buffer->ptr = data;
	buffer->size = ND_PAGE_BYTES;
	buffer->byte_order = ADDRXLAT_LITTLE_ENDIAN;
	buffer->put_page = page_put;
	return ADDRXLAT_OK;
}

static unsigned long caps_get(const addrxlat_cb_t *cb)
{
	(void)cb;
	return ADDRXLAT_CAPS(ADDRXLAT_KPHYSADDR);
}

/* *own: it is where the kernel has it, as VMCOREINFO says. */
static bool root_find(const struct nd_vmcoreinfo *v, uint64_t cr3, uint64_t *root, bool *own)
{
	uint64_t table, phys_base;

	if ((nd_vmcoreinfo_symbol(v, "swapper_pg_dir", &table) ||
	     nd_vmcoreinfo_symbol(v, "init_top_pgt", &table)) &&
	    nd_vmcoreinfo_number(v, "phys_base", &phys_base) && table >= KERNEL_MAP_VIRT) {
		*root = table - KERNEL_MAP_VIRT + phys_base;
		*own = true;
		return true;
	}
	*own = false;
	*root = cr3 & CR3_TABLE_MASK;
	return *root != 0;
}

struct nd_xlat *nd_xlat_new(const struct nd_mem *mem, const struct nd_vmcoreinfo *v,
			    const struct nd_xen *xen, uint64_t cr3)
{
	struct nd_xlat *x = calloc(1, sizeof *x);
	uint64_t root, five_levels = 0;
	addrxlat_param_pgt_t *pgt;
	addrxlat_cb_t *cb;
	bool own;

	if (!x || !root_find(v, cr3, &root, &own))
		goto err_x;
	x->mem = mem;
	x->xen = xen && xen->runs && own ? xen : NULL;
	x->ctx = addrxlat_ctx_new();
	if (!x->ctx)
		goto err_x;
	x->sys = addrxlat_sys_new();
	if (!x->sys)
		goto err_ctx;
	cb = addrxlat_ctx_add_cb(x->ctx);
	if (!cb)
		goto err_sys;
	cb->priv = x;
	cb->get_page = page_get;
	cb->read_caps = caps_get;
	nd_vmcoreinfo_number(v, "pgtable_l5_enabled", &five_levels);
	x->method.kind = ADDRXLAT_PGT;
	x->method.target_as = ADDRXLAT_KPHYSADDR;
	pgt = &x->method.param.pgt;
	pgt->root = (addrxlat_fulladdr_t){.addr = root, .as = ADDRXLAT_KPHYSADDR};
	pgt->pf.pte_format = ADDRXLAT_PTE_X86_64;
	pgt->pf.nfields = five_levels ? 6 : 5;
	pgt->pf.fieldsz[0] = 12;
	for (int i = 1; i < pgt->pf.nfields; i++)
		pgt->pf.fieldsz[i] = 9;
	return x;

err_sys:
	addrxlat_sys_decref(x->sys);
err_ctx:
	addrxlat_ctx_decref(x->ctx);
err_x:
	free(x);
	return NULL;
}

void nd_xlat_free(struct nd_xlat *x)
{
	if (!x)
		return;
	addrxlat_sys_decref(x->sys);
	addrxlat_ctx_decref(x->ctx);
	free(x);
}

/* The root's place in the machine, once. */
static enum nd_mem_status root_settle(struct nd_xlat *x)
{
	addrxlat_addr_t *root = &x->method.param.pgt.root.addr;
	enum nd_mem_status status;
	uint64_t frame = 0;

	if (!x->xen)
		return ND_MEM_OK;
	status = nd_xen_frame(x->xen, x->mem, *root / ND_PAGE_BYTES, &frame);
	if (status != ND_MEM_OK)
		return status;
	*root = frame * ND_PAGE_BYTES;
	x->xen = NULL;
	return ND_MEM_OK;
}

enum nd_mem_status nd_xlat_find(struct nd_xlat *x, uint64_t virt, uint64_t *phys)
{
	addrxlat_step_t step = {
		.ctx = x->ctx,
		.sys = x->sys,
		.meth = &x->method,
		.base = {.addr = virt, .as = ADDRXLAT_KVADDR},
	};
	addrxlat_status status;

	x->status = root_settle(x);
	if (x->status != ND_MEM_OK)
		return x->status;
	status = addrxlat_walk(&step);
	addrxlat_ctx_clear_err(x->ctx);
	if (status != ADDRXLAT_OK)
		return x->status == ND_MEM_WAIT ? ND_MEM_WAIT : ND_MEM_ABSENT;
	*phys = step.base.addr;
	return ND_MEM_OK;
}

enum nd_mem_status nd_xlat_read(struct nd_xlat *x, uint64_t virt, void *to, size_t bytes)
{
	enum nd_mem_status status = ND_MEM_OK;
	uint8_t *out = to;

	if (bytes && bytes - 1 > UINT64_MAX - virt)
		return ND_MEM_ABSENT;
	while (bytes) {
		size_t offset = virt % ND_PAGE_BYTES;
		size_t part = ND_PAGE_BYTES - offset < bytes ? ND_PAGE_BYTES - offset : bytes;
		uint64_t phys = 0;
		enum nd_mem_status s = nd_xlat_find(x, virt, &phys);

		if (s == ND_MEM_OK)
			s = nd_mem_read(x->mem, phys, out, part);
		status = nd_mem_worse(status, s);
		if (status > ND_MEM_WAIT)
			return status;
		out += part;
		virt += part;
		bytes -= part;
	}
	return status;
}
