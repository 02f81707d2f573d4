// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sandbox.c - what is left to netdumpd once everything is open.
 *
 * Sources: seccomp(2), Linux Documentation/userspace-api/landlock.rst.  Sanitizers look at
 * the process from outside when they report; their build, which is for tests only, lets
 * them.
 */
#include "server/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "server/log.h"

#ifndef __has_feature
#define __has_feature(feature) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

/* Newer than Debian 12's header; a kernel says by its ABI's number whether it has them. */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ull << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ull << 15)
#endif

#define READ_ONLY (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define READ_WRITE                                                                                 \
	(READ_ONLY | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE |                 \
	 LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR |                               \
	 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                          \
	 LANDLOCK_ACCESS_FS_REFER)

/* Everything that a Landlock of this ABI can forbid about files. */
static uint64_t accesses_known(long abi)
{
	uint64_t known = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

	if (abi >= 2)
		known |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= 3)
		known |= LANDLOCK_ACCESS_FS_TRUNCATE;
	if (abi >= 5)
		known |= LANDLOCK_ACCESS_FS_IOCTL_DEV;
	return known;
}

static bool beneath_allow(int ruleset, int folder, uint64_t accesses)
{
	struct landlock_path_beneath_attr rule = {.allowed_access = accesses, .parent_fd = folder};

	return !syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

/* /proc, where sanitizers find the process's own threads and mappings. */
static bool proc_allow(int ruleset)
{
	int proc = open("/proc", O_PATH | O_CLOEXEC);
	bool good = proc >= 0 && beneath_allow(ruleset, proc, READ_ONLY);

	if (proc >= 0)
		close(proc);
	return good;
}

/* ENOSYS or EOPNOTSUPP: the kernel has no Landlock, or has it switched off. */
static int landlock_enter(int top, int drivers)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct landlock_ruleset_attr forbidden = {.handled_access_fs = accesses_known(abi)};
	int ruleset, error = 0;

	if (abi < 0)
		return errno;
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &forbidden, sizeof forbidden, 0);
	if (ruleset < 0)
		return errno;
	if (!beneath_allow(ruleset, top, READ_WRITE & forbidden.handled_access_fs) ||
	    (drivers >= 0 && !beneath_allow(ruleset, drivers, READ_ONLY)) ||
	    (SANITIZED && !proc_allow(ruleset)) || syscall(SYS_landlock_restrict_self, ruleset, 0))
		error = errno;
	close(ruleset);
	return error;
}

static const int calls[] = {
	/* threads */
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(futex),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(rseq),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(sched_yield),
	SCMP_SYS(set_robust_list),
	/* memory */
	SCMP_SYS(brk),
	SCMP_SYS(madvise),
	SCMP_SYS(mremap),
	SCMP_SYS(munmap),
	SCMP_SYS(sysinfo), /* qsort() looks how much there is */
	/* time and chance */
	SCMP_SYS(clock_getres),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(getrandom),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(nanosleep),
	/* events */
	SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(eventfd2),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(signalfd4),
	SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime),
	/* the socket that is open */
	SCMP_SYS(getsockopt),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmmsg),
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendmmsg),
	SCMP_SYS(sendmsg),
	SCMP_SYS(sendto),
	/* files that are open */
	SCMP_SYS(close),
	SCMP_SYS(dup),
	SCMP_SYS(fadvise64),
	SCMP_SYS(fallocate),
	SCMP_SYS(fcntl),
	SCMP_SYS(fdatasync),
	SCMP_SYS(flock),
	SCMP_SYS(fstat),
	SCMP_SYS(fstatfs),
	SCMP_SYS(fsync),
	SCMP_SYS(ftruncate),
	SCMP_SYS(getdents64),
	SCMP_SYS(lseek),
	SCMP_SYS(pread64),
	SCMP_SYS(preadv),
	SCMP_SYS(pwrite64),
	SCMP_SYS(pwritev),
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(sync_file_range),
	SCMP_SYS(write),
	SCMP_SYS(writev),
};

/*
 * Calls that take a folder first: only an open one.  Without one, where libraries look for
 * settings of their own, nothing is to be found.
 */
static const int relative_calls[] = {
	SCMP_SYS(mkdirat),   SCMP_SYS(newfstatat), SCMP_SYS(openat),   SCMP_SYS(renameat),
	SCMP_SYS(renameat2), SCMP_SYS(statx),      SCMP_SYS(unlinkat),
};
#define FOLDER_SIGN 0x80000000u /* of the int that a folder is: AT_FDCWD is below 0 */

/* Calls that are allowed where one argument, masked, has one value. */
static const struct conditional {
	int call;
	unsigned int argument;
	uint64_t mask, value;
} conditional_calls[] = {
	{SCMP_SYS(clone), 0, CLONE_THREAD, CLONE_THREAD}, /* no processes */
	{SCMP_SYS(mmap), 2, PROT_EXEC, 0},                /* no new code */
	{SCMP_SYS(mprotect), 2, PROT_EXEC, 0},
	{SCMP_SYS(prctl), 0, UINT32_MAX, PR_SET_NAME},
	{SCMP_SYS(ioctl), 1, UINT32_MAX, TCGETS}, /* stdio asks whether it writes to a terminal */
};

/*
 * A sanitizer's report stops threads from outside, and tries memory before it reads it.  For
 * it the conditions above do not hold either.
 */
static const int sanitizer_calls[] = {
	SCMP_SYS(getdents),    SCMP_SYS(getppid), SCMP_SYS(getrusage), SCMP_SYS(getuid),
	SCMP_SYS(kill),        SCMP_SYS(open),    SCMP_SYS(pipe),      SCMP_SYS(pipe2),
	SCMP_SYS(prlimit64),   SCMP_SYS(ptrace),  SCMP_SYS(readlink),  SCMP_SYS(readlinkat),
	SCMP_SYS(sigaltstack), SCMP_SYS(stat),    SCMP_SYS(wait4),
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* These return 0, or minus errno as libseccomp has it. */
static int call_add(scmp_filter_ctx filter, uint32_t action, int call, struct scmp_arg_cmp when)
{
	return seccomp_rule_add_array(filter, action, call, SANITIZED ? 0 : 1, &when);
}

static int relative_add(scmp_filter_ctx filter, int call)
{
	const struct scmp_arg_cmp open = {0, SCMP_CMP_MASKED_EQ, FOLDER_SIGN, 0};
	const struct scmp_arg_cmp none = {0, SCMP_CMP_MASKED_EQ, FOLDER_SIGN, FOLDER_SIGN};
	int error = call_add(filter, SCMP_ACT_ALLOW, call, open);

	if (!error && !SANITIZED)
		error = call_add(filter, SCMP_ACT_ERRNO(EACCES), call, none);
	return error;
}

static int conditional_add(scmp_filter_ctx filter, const struct conditional *c)
{
	const struct scmp_arg_cmp when = {c->argument, SCMP_CMP_MASKED_EQ, c->mask, c->value};

	return call_add(filter, SCMP_ACT_ALLOW, c->call, when);
}

static int filter_fill(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp ourselves = {0, SCMP_CMP_EQ, (uint64_t)getpid(), 0};
	int error;

	/* clone3's flags lie in memory, which a filter cannot see; libc falls back to clone. */
	error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	if (!error) /* abort() */
		error = call_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), ourselves);
	for (size_t i = 0; !error && i < COUNT(calls); i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
	for (size_t i = 0; !error && i < COUNT(relative_calls); i++)
		error = relative_add(filter, relative_calls[i]);
	for (size_t i = 0; !error && i < COUNT(conditional_calls); i++)
		error = conditional_add(filter, &conditional_calls[i]);
	for (size_t i = 0; !error && SANITIZED && i < COUNT(sanitizer_calls); i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, sanitizer_calls[i], 0);
	return error;
}

/* 0, or errno. */
static int seccomp_enter(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int error = filter ? 0 : -ENOMEM;

	if (!error)
		error = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (!error)
		error = filter_fill(filter);
	if (!error)
		error = seccomp_load(filter);
	seccomp_release(filter);
	return -error;
}

bool nd_sandbox_enter(int top, int drivers)
{
	int error;

	/* What libraries read from outside DIR on first use, they read now. */
	tzset();
	json_object_seed(0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, SANITIZED, 0, 0, 0)) {
		nd_log("sandbox: prctl: %s", strerror(errno));
		return false;
	}
	error = landlock_enter(top, drivers);
	if (error == ENOSYS || error == EOPNOTSUPP)
		nd_log("this kernel has no Landlock: files outside the dumps' folder are "
		       "protected by their permissions alone");
	else if (error) {
		nd_log("sandbox: Landlock: %s", strerror(error));
		return false;
	}
	error = seccomp_enter();
	if (error)
		nd_log("sandbox: seccomp: %s", strerror(error));
	return !error;
}
