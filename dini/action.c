// SPDX-License-Identifier: GPL-2.0-or-later
/* action.c - what the machine does when DINI has ended.  Long mode. */
#include "dini/action.h"

#include <stdbool.h>

#include "dini/alarm.h"
#include "dini/boot.h"
#include "dini/clock.h"
#include "dini/console.h"
#include "dini/io.h"
#include "dini/seal.h"
#include "dini/visit.h"
#include "netdump/handoff.h"

#define KEYBOARD       0x64
#define KEYBOARD_FULL  0x02
#define KEYBOARD_POLLS 50000
#define RESET_CONTROL  0xCF9
#define RESET_WAIT_MS  50

static uint32_t chosen;
static void (*secrets_wipe)(void);
static bool has_block; /* which last words can be left in */
static unsigned int failures;

void nd_action_set(uint32_t action, void (*wipe)(void))
{
	chosen = action;
	secrets_wipe = wipe;
	has_block = true;
}

static _Noreturn void triple_fault(void)
{
	static const struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) none = {0, 0};

	__asm__ volatile("lidt %0; int3" : : "m"(none));
	for (;;)
		__asm__ volatile("cli; hlt");
}

static _Noreturn void reboot(void)
{
	for (unsigned int i = 0; i < KEYBOARD_POLLS; i++)
		if (!(nd_inb(KEYBOARD) & KEYBOARD_FULL))
			break;
	nd_outb(KEYBOARD, 0xFE);
	nd_clock_wait_ms(RESET_WAIT_MS);
	nd_outb(RESET_CONTROL, 0x02);
	nd_outb(RESET_CONTROL, 0x06);
	nd_clock_wait_ms(RESET_WAIT_MS);
	triple_fault();
}

static _Noreturn void act(void)
{
	switch (chosen) {
	case ND_ACTION_HALT:
		nd_say("halt");
		break;
	case ND_ACTION_HOLD:
		nd_say("hold");
		break;
	default:
		nd_say("reboot");
		reboot();
	}
	for (;;)
		__asm__ volatile("cli; hlt");
}

void nd_action_run(void)
{
	nd_alarm_stop(); /* it would outlive a reset */
	if (secrets_wipe)
		secrets_wipe();
	nd_stack_leave64(act);
}

void nd_action_fail(const char *why)
{
	if (nd_boot.magic == ND_DINI_VISIT)
		nd_visit_fail(why);
	if (failures++)
		triple_fault();
	nd_say("failed: %s", why);
	if (has_block)
		nd_seal_last_words(nd_boot.handoff_phys, why);
	nd_action_run();
}
