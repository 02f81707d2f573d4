// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * device.c - /dev/netdump: what a living system sends through its firmware.
 *
 * Written: a line, `log NAME [take-nic]`, `test [BYTES] [take-nic]` or `drivers [take-nic]`, and
 * what is to be sent; a test makes its own.  The first read does it, and takes as long as that
 * does.  Read: lines of KEY VALUE, an empty line, then a server's answer, if there is one.
 */
#include <linux/ctype.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "netdump.h"
#include "netdump/wire.h"

#define LINE_BYTES   128
#define TEST_BYTES   (1u << 20) /* unless it says how many */
#define ANSWER_BYTES (48u << 20)
#define REPORT_BYTES 1024

struct call {
	struct mutex mutex;
	struct nd_errand errand;
	struct nd_visit_report report;
	char line[LINE_BYTES];
	size_t line_bytes, test_bytes;
	bool has_line, over;
	char text[REPORT_BYTES];
	size_t text_bytes, read_bytes;
};

static int device_open(struct inode *inode, struct file *file)
{
	struct call *call = kzalloc(sizeof *call, GFP_KERNEL);

	if (!call)
		return -ENOMEM;
	mutex_init(&call->mutex);
	call->errand.sent = nd_parcel_new();
	if (!call->errand.sent) {
		kfree(call);
		return -ENOMEM;
	}
	file->private_data = call;
	return stream_open(inode, file);
}

static int device_release(struct inode *unused, struct file *file)
{
	struct call *call = file->private_data;

	nd_parcel_free(call->errand.sent);
	nd_parcel_free(call->errand.taken);
	kfree(call);
	return 0;
}

static int answer_room(struct nd_errand *errand)
{
	if (!errand->taken)
		errand->taken = nd_parcel_new();
	return errand->taken ? nd_parcel_room(errand->taken, ANSWER_BYTES) : -ENOMEM;
}

static int test_fill(struct nd_parcel *parcel, size_t bytes)
{
	u8 some[256];
	int error = 0;

	while (!error && parcel->bytes < bytes) {
		size_t more = min(bytes - parcel->bytes, sizeof some);

		get_random_bytes(some, more);
		error = nd_parcel_add(parcel, some, more);
	}
	return error;
}

/* The words behind the first, one by one; NULL: none is left. */
static char *word_next(char **rest)
{
	return *rest ? strsep(rest, " ") : NULL;
}

static int kind_take(struct call *call, const char *kind, char **rest)
{
	struct nd_errand *errand = &call->errand;

	if (!strcmp(kind, "log")) {
		const char *name = word_next(rest);

		errand->kind = ND_HELLO_LOG;
		return name && *name && strscpy(errand->name, name, sizeof errand->name) > 0
			       ? 0
			       : -EINVAL;
	}
	if (!strcmp(kind, "test")) {
		errand->kind = ND_HELLO_TEST;
		call->test_bytes = TEST_BYTES;
		if (*rest && isdigit(**rest))
			return kstrtoul(word_next(rest), 10, &call->test_bytes);
		return 0;
	}
	errand->kind = ND_HELLO_DRIVERS;
	return strcmp(kind, "drivers") ? -EINVAL : 0;
}

/* The first line, without its end. */
static int line_take(struct call *call)
{
	char *rest = call->line;
	int error = kind_take(call, word_next(&rest), &rest);

	call->errand.take_nic = !error && rest && !strcmp(rest, "take-nic");
	if (!error && rest && !call->errand.take_nic)
		error = -EINVAL;
	call->has_line = !error;
	return error;
}

/* One character of the first line. */
static int line_add(struct call *call, char c)
{
	if (c == '\n')
		return line_take(call);
	if (c == '\0' || call->line_bytes == LINE_BYTES - 1)
		return -EINVAL;
	call->line[call->line_bytes++] = c;
	return 0;
}

static ssize_t call_write(struct call *call, const char __user *from, size_t bytes)
{
	size_t done = 0;
	int error = 0;

	if (call->over)
		return -EINVAL;
	for (char c; done < bytes && !call->has_line; done++) {
		if (get_user(c, from + done))
			return -EFAULT;
		error = line_add(call, c);
		if (error)
			return error;
	}
	if (done == bytes)
		return bytes;
	if (call->errand.kind == ND_HELLO_TEST)
		return -EINVAL;
	error = nd_parcel_add_user(call->errand.sent, from + done, bytes - done);
	return error ? error : bytes;
}

static ssize_t device_write(struct file *file, const char __user *from, size_t bytes, loff_t *at)
{
	struct call *call = file->private_data;
	ssize_t done;

	if (mutex_lock_interruptible(&call->mutex))
		return -ERESTARTSYS;
	done = call_write(call, from, bytes);
	mutex_unlock(&call->mutex);
	return done;
}

/* A server's words are to be one line. */
static void line_make(char *text)
{
	for (; *text; text++)
		if (!isascii(*text) || !isprint(*text))
			*text = '?';
}

static void text_make(struct call *call)
{
	static const char *const step_name[ND_VISIT_STEPS] = {
		[ND_VISIT_SEAL] = "seal",   [ND_VISIT_OPEN] = "open",   [ND_VISIT_HELLO] = "hello",
		[ND_VISIT_HEARD] = "heard", [ND_VISIT_ASKED] = "asked", [ND_VISIT_SAID] = "said",
	};
	const struct nd_visit_report *r = &call->report;
	int used;

	used = scnprintf(call->text, REPORT_BYTES,
			 "state %s\nstatus %u\ntext %s\nvisits %u\npause_max_us %llu\n"
			 "pause_total_us %llu\nsent_bytes %llu\nrefused %u\n",
			 r->done ? "done" : "failed", r->done_status, r->text, r->visits,
			 r->pause_max_us, r->pause_total_us, r->sent_bytes, r->refused);
	for (unsigned int i = 0; i < ND_VISIT_STEPS; i++)
		if (r->step_us[i])
			used += scnprintf(call->text + used, REPORT_BYTES - used, "step %s %llu\n",
					  step_name[i], r->step_us[i]);
	used += scnprintf(call->text + used, REPORT_BYTES - used, "\n");
	call->text_bytes = used;
}

static int run(struct call *call)
{
	struct nd_errand *errand = &call->errand;
	int error = 0;

	if (!call->has_line)
		return -EINVAL;
	if (errand->kind == ND_HELLO_TEST)
		error = test_fill(errand->sent, call->test_bytes);
	if (!error && !errand->sent->bytes)
		error = -ENODATA;
	if (!error && errand->kind == ND_HELLO_DRIVERS)
		error = answer_room(errand);
	if (error)
		return error;
	call->over = true;
	nd_visit_run(errand, &call->report);
	line_make(call->report.text);
	if (errand->taken)
		errand->taken->bytes = call->report.taken_bytes;
	text_make(call);
	return 0;
}

static ssize_t call_read(struct call *call, char __user *to, size_t bytes)
{
	ssize_t done;
	int error = call->over ? 0 : run(call);

	if (error)
		return error;
	if (call->read_bytes < call->text_bytes) {
		bytes = min(bytes, call->text_bytes - call->read_bytes);
		if (copy_to_user(to, call->text + call->read_bytes, bytes))
			return -EFAULT;
		done = bytes;
	} else if (call->errand.taken) {
		done = nd_parcel_read(call->errand.taken, to, bytes,
				      call->read_bytes - call->text_bytes);
	} else {
		done = 0;
	}
	if (done > 0)
		call->read_bytes += done;
	return done;
}

static ssize_t device_read(struct file *file, char __user *to, size_t bytes, loff_t *unused)
{
	struct call *call = file->private_data;
	ssize_t done;

	if (mutex_lock_interruptible(&call->mutex))
		return -ERESTARTSYS;
	done = call_read(call, to, bytes);
	mutex_unlock(&call->mutex);
	return done;
}

static const struct file_operations operations = {
	.owner = THIS_MODULE,
	.open = device_open,
	.release = device_release,
	.read = device_read,
	.write = device_write,
	.llseek = no_llseek,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "netdump",
	.fops = &operations,
	.mode = 0600,
};

int nd_device_make(void)
{
	return misc_register(&device);
}

void nd_device_free(void)
{
	misc_deregister(&device);
}
