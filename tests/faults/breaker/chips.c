// SPDX-License-Identifier: GPL-2.0-or-later
/* chips.c - see chips.h.  Register names are those of the chips' manuals. */
#include "tests/faults/breaker/chips.h"

#include "stub/common/port.h"

#define NOWHERE 0xE0000000u /* no memory there in QEMU's machines of up to 3.5 GiB */

static enum nd_broken broken_if(bool took)
{
	return took ? ND_BROKEN : ND_BROKEN_NOT;
}

static uint32_t reg32(volatile uint8_t *base, uint32_t at)
{
	return *(volatile uint32_t *)(base + at);
}

static void reg32_set(volatile uint8_t *base, uint32_t at, uint32_t value)
{
	*(volatile uint32_t *)(base + at) = value;
}

/* 82540EM, 82574L. */
#define TCTL        0x0400
#define TCTL_EN     2u
#define RDBAL       0x2800
#define TDBAL       0x3800
#define TDH         0x3810
#define TDT         0x3818
#define INTEL_BYTES 0x4000

static enum nd_broken intel_rings(const struct nd_nic *nic)
{
	volatile uint8_t *regs = nd_nic_memory(nic, 0, 0, INTEL_BYTES);

	if (!regs)
		return ND_BROKEN_NOT;
	for (uint32_t high = 0; high <= 4; high += 4) {
		reg32_set(regs, RDBAL + high, high ? 0 : NOWHERE);
		reg32_set(regs, TDBAL + high, high ? 0 : NOWHERE);
	}
	return broken_if(reg32(regs, RDBAL) == NOWHERE && reg32(regs, TDBAL) == NOWHERE);
}

/* The 82574L's transmit arbitration and receive filters; firmware that opens sets neither. */
#define TARC0          0x3840
#define TARC_ENABLE    (1u << 10)
#define RFCTL          0x5008
#define RFCTL_EXTENDED (1u << 15)
#define FILTER_BYTES   0x500C

static enum nd_broken intel_wedge(const struct nd_nic *nic)
{
	volatile uint8_t *regs = nd_nic_memory(nic, 0, 0, INTEL_BYTES);

	if (!regs)
		return ND_BROKEN_NOT;
	reg32_set(regs, TCTL, reg32(regs, TCTL) & ~TCTL_EN);
	reg32_set(regs, TDT, reg32(regs, TDH) ^ 1);
	return broken_if(!(reg32(regs, TCTL) & TCTL_EN) && reg32(regs, TDT) != reg32(regs, TDH));
}

static enum nd_broken i82574_wedge(const struct nd_nic *nic)
{
	volatile uint8_t *regs = nd_nic_memory(nic, 0, 0, INTEL_BYTES);

	if (!regs)
		return ND_BROKEN_NOT;
	reg32_set(regs, TARC0, reg32(regs, TARC0) & ~TARC_ENABLE);
	return reg32(regs, TARC0) & TARC_ENABLE ? ND_BROKEN_NOT : intel_wedge(nic);
}

/* And descriptors of another form, which its own reset leaves so (see dini/chip.c). */
static enum nd_broken i82574_rings(const struct nd_nic *nic)
{
	volatile uint8_t *regs = nd_nic_memory(nic, 0, 0, FILTER_BYTES);

	if (!regs)
		return ND_BROKEN_NOT;
	reg32_set(regs, RFCTL, reg32(regs, RFCTL) | RFCTL_EXTENDED);
	return reg32(regs, RFCTL) & RFCTL_EXTENDED ? intel_rings(nic) : ND_BROKEN_NOT;
}

/* RTL8139. */
#define TSD0    0x10
#define TSAD0   0x20
#define TX_ALL  4
#define RBSTART 0x30
#define RTL_CR  0x37
#define RTL_TE  4u
#define TSD_OWN (1u << 13)
#define FRAME   60u

static enum nd_broken rtl_rings(const struct nd_nic *nic)
{
	uint16_t port = nd_nic_ports(nic, 0);

	for (unsigned int i = 0; i < TX_ALL; i++)
		nd_outl((uint16_t)(port + TSAD0 + 4 * i), NOWHERE);
	nd_outl((uint16_t)(port + RBSTART), NOWHERE);
	return broken_if(nd_inl((uint16_t)(port + RBSTART)) == NOWHERE &&
			 nd_inl((uint16_t)(port + TSAD0)) == NOWHERE);
}

static enum nd_broken rtl_wedge(const struct nd_nic *nic)
{
	uint16_t port = nd_nic_ports(nic, 0);
	uint16_t cr = (uint16_t)(port + RTL_CR);

	nd_outb(cr, (uint8_t)(nd_inb(cr) & ~RTL_TE));
	for (unsigned int i = 0; i < TX_ALL; i++)
		nd_outl((uint16_t)(port + TSD0 + 4 * i), FRAME);
	return broken_if(!(nd_inb(cr) & RTL_TE) && !(nd_inl((uint16_t)(port + TSD0)) & TSD_OWN));
}

/* Virtio 1.1, section 4.1.4.3: what every device of QEMU's has, transitional ones too. */
#define CAP_VENDOR         9
#define VIRTIO_COMMON      1
#define VIRTIO_BYTES       0x38
#define VIRTIO_STATUS      0x14
#define VIRTIO_SELECT      0x16
#define VIRTIO_ENABLE      0x1C
#define VIRTIO_DESC        0x20
#define VIRTIO_AREAS_END   0x38
#define VIRTIO_WANTS_RESET 0x40u
#define VIRTIO_QUEUES      2

static volatile uint8_t *virtio_common(const struct nd_nic *nic)
{
	unsigned int at = nd_nic_capability(nic, CAP_VENDOR, 0);

	while (at && nd_nic_config(nic, at) >> 24 != VIRTIO_COMMON)
		at = nd_nic_capability(nic, CAP_VENDOR, at);
	return at ? nd_nic_memory(nic, nd_nic_config(nic, at + 4) & 7, nd_nic_config(nic, at + 8),
				  VIRTIO_BYTES)
		  : NULL;
}

static enum nd_broken virtio_rings(const struct nd_nic *nic)
{
	volatile uint8_t *regs = virtio_common(nic);

	if (!regs)
		return ND_BROKEN_NOT;
	for (uint16_t queue = 0; queue < VIRTIO_QUEUES; queue++) {
		*(volatile uint16_t *)(regs + VIRTIO_SELECT) = queue;
		for (uint32_t at = VIRTIO_DESC; at < VIRTIO_AREAS_END; at += 8) {
			reg32_set(regs, at, NOWHERE);
			reg32_set(regs, at + 4, 0);
		}
		*(volatile uint16_t *)(regs + VIRTIO_ENABLE) = 1; /* QEMU takes them over then */
	}
	return broken_if(reg32(regs, VIRTIO_DESC) == NOWHERE);
}

/* A queue is never disabled this way: the device stops and wants to be reset. */
static enum nd_broken virtio_wedge(const struct nd_nic *nic)
{
	volatile uint8_t *regs = virtio_common(nic);

	if (!regs)
		return ND_BROKEN_NOT;
	*(volatile uint16_t *)(regs + VIRTIO_SELECT) = 1;
	*(volatile uint16_t *)(regs + VIRTIO_ENABLE) = 0;
	return broken_if(regs[VIRTIO_STATUS] & VIRTIO_WANTS_RESET);
}

/* VMXNET3. */
#define VMX_DSAL     0x10
#define VMX_DSAH     0x18
#define VMX_CMD      0x20
#define VMX_BYTES    0x28
#define VMX_ACTIVATE 0xCAFE0000u
#define VMX_QUIESCE  0xCAFE0001u

static uint32_t vmx_command(volatile uint8_t *regs, uint32_t command)
{
	reg32_set(regs, VMX_CMD, command);
	return reg32(regs, VMX_CMD);
}

static enum nd_broken vmx_wedge(const struct nd_nic *nic)
{
	volatile uint8_t *regs = nd_nic_memory(nic, 1, 0, VMX_BYTES);

	return broken_if(regs && !vmx_command(regs, VMX_QUIESCE));
}

/* It is active, with the driver's rings, and new ones are looked at in one that is not only. */
static enum nd_broken vmx_rings(const struct nd_nic *nic)
{
	volatile uint8_t *regs = nd_nic_memory(nic, 1, 0, VMX_BYTES);

	if (!regs)
		return ND_BROKEN_NOT;
	reg32_set(regs, VMX_DSAL, NOWHERE);
	reg32_set(regs, VMX_DSAH, 0);
	return broken_if(!vmx_command(regs, VMX_ACTIVATE));
}

/* Am79C970A, in words. */
#define PCNET_RDP   0x10
#define PCNET_RAP   0x12
#define CSR_START   2u
#define CSR_STOP    4u
#define CSR_DEMAND  8u
#define CSR_RX_HIGH 25
#define CSR_TX_HIGH 31

static uint32_t csr(uint16_t port, uint16_t number)
{
	nd_outw((uint16_t)(port + PCNET_RAP), number);
	return nd_inw((uint16_t)(port + PCNET_RDP));
}

static void csr_set(uint16_t port, uint16_t number, uint32_t value)
{
	nd_outw((uint16_t)(port + PCNET_RAP), number);
	nd_outw((uint16_t)(port + PCNET_RDP), (uint16_t)value);
}

static enum nd_broken pcnet_rings(const struct nd_nic *nic)
{
	uint16_t port = nd_nic_ports(nic, 0);
	bool took;

	csr_set(port, 0, CSR_STOP);
	csr_set(port, CSR_RX_HIGH, NOWHERE >> 16);
	csr_set(port, CSR_TX_HIGH, NOWHERE >> 16);
	took = csr(port, CSR_RX_HIGH) == NOWHERE >> 16 && csr(port, CSR_TX_HIGH) == NOWHERE >> 16;
	csr_set(port, 0, CSR_START);
	return broken_if(took);
}

static enum nd_broken pcnet_wedge(const struct nd_nic *nic)
{
	uint16_t port = nd_nic_ports(nic, 0);

	csr_set(port, 0, CSR_DEMAND);
	csr_set(port, 0, CSR_STOP);
	return broken_if(csr(port, 0) & CSR_STOP);
}

/* NS8390 of an NE2000: its ring is pages of its own memory. */
#define NE_CR      0
#define NE_PSTART  1
#define NE_PSTOP   2
#define NE_BNRY    3
#define NE_TPSR    4
#define NE_STOPPED 0x21
#define NE_RUNS    0x22
#define NE_SENDS   0x26
#define NE_PAGE_2  0x80
#define NE_BEYOND  0xF0 /* behind its last page */
#define NE_NOBODYS 0xA0 /* neither firmware nor driver has this page; QEMU takes none beyond */

static enum nd_broken ne2k_rings(const struct nd_nic *nic)
{
	uint16_t port = nd_nic_ports(nic, 0);
	bool took;

	nd_outb((uint16_t)(port + NE_CR), NE_RUNS);
	nd_outb((uint16_t)(port + NE_PSTART), NE_NOBODYS);
	nd_outb((uint16_t)(port + NE_PSTOP), NE_NOBODYS + 1);
	nd_outb((uint16_t)(port + NE_BNRY), NE_NOBODYS);
	nd_outb((uint16_t)(port + NE_CR), NE_PAGE_2 | NE_RUNS);
	took = nd_inb((uint16_t)(port + NE_PSTART)) == NE_NOBODYS;
	nd_outb((uint16_t)(port + NE_CR), NE_RUNS);
	return broken_if(took);
}

static enum nd_broken ne2k_wedge(const struct nd_nic *nic)
{
	uint16_t port = nd_nic_ports(nic, 0);

	nd_outb((uint16_t)(port + NE_TPSR), NE_BEYOND);
	nd_outb((uint16_t)(port + NE_CR), NE_SENDS);
	nd_outb((uint16_t)(port + NE_CR), NE_STOPPED);
	return broken_if(nd_inb((uint16_t)(port + NE_CR)) & 1);
}

/* 82559ER. */
#define SCB_STATUS     0
#define SCB_COMMAND    2
#define SCB_POINTER    4
#define SCB_PORT       8
#define SCB_BYTES      0x20
#define SCB_CU_BASE    0x60
#define SCB_RU_BASE    0x06
#define SCB_CU_ACTIVE  0xC0u
#define PORT_SELECTIVE 2u

static enum nd_broken scb_rings(const struct nd_nic *nic)
{
	volatile uint8_t *scb = nd_nic_memory(nic, 0, 0, SCB_BYTES);

	if (!scb)
		return ND_BROKEN_NOT;
	reg32_set(scb, SCB_POINTER, NOWHERE);
	scb[SCB_COMMAND] = SCB_CU_BASE;
	scb[SCB_COMMAND] = SCB_RU_BASE;
	return broken_if(reg32(scb, SCB_POINTER) == NOWHERE);
}

static enum nd_broken scb_wedge(const struct nd_nic *nic)
{
	volatile uint8_t *scb = nd_nic_memory(nic, 0, 0, SCB_BYTES);

	if (!scb)
		return ND_BROKEN_NOT;
	reg32_set(scb, SCB_PORT, PORT_SELECTIVE);
	return broken_if(!(scb[SCB_STATUS] & SCB_CU_ACTIVE));
}

static const struct chip {
	uint32_t id;
	enum nd_broken (*rings)(const struct nd_nic *nic);
	enum nd_broken (*wedge)(const struct nd_nic *nic);
} chips[] = {
	{0x100E8086, intel_rings, intel_wedge},   /* e1000 */
	{0x10D38086, i82574_rings, i82574_wedge}, /* e1000e */
	{0x813910EC, rtl_rings, rtl_wedge},       /* rtl8139 */
	{0x10001AF4, virtio_rings, virtio_wedge}, /* virtio-net-pci, transitional */
	{0x10411AF4, virtio_rings, virtio_wedge}, /* and not */
	{0x07B015AD, vmx_rings, vmx_wedge},       /* vmxnet3 */
	{0x20001022, pcnet_rings, pcnet_wedge},   /* pcnet */
	{0x802910EC, ne2k_rings, ne2k_wedge},     /* ne2k_pci */
	{0x12098086, scb_rings, scb_wedge},       /* i82559er */
};

static const struct chip *chip_find(const struct nd_nic *nic, const char **why)
{
	*why = "no way known for this chip";
	for (size_t i = 0; i < sizeof chips / sizeof chips[0]; i++)
		if (chips[i].id == nic->id) {
			*why = "the chip's registers say otherwise";
			return &chips[i];
		}
	return NULL;
}

enum nd_broken nd_chip_rings_corrupt(const struct nd_nic *nic, const struct nd_handoff *unused,
				     const char **why)
{
	const struct chip *chip = chip_find(nic, why);

	(void)unused;
	return chip ? chip->rings(nic) : ND_BROKEN_NEVER;
}

enum nd_broken nd_chip_tx_wedged(const struct nd_nic *nic, const struct nd_handoff *unused,
				 const char **why)
{
	const struct chip *chip = chip_find(nic, why);

	(void)unused;
	return chip ? chip->wedge(nic) : ND_BROKEN_NEVER;
}
