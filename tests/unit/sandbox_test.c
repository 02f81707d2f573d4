/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sandbox_test.c - what a process in the sandbox can still do, what it is refused, and what
 * it dies of.  Each case is a process of its own.
 *
 * Built without sanitizers: their build of the sandbox has holes that they need.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <linux/landlock.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "server/catalogue.h"
#include "server/sandbox.h"

/* OUTER/{outside, dir/{inside, link -> ../outside}}: what is in dir/ is ours. */
static char outer_path[] = "/tmp/netdump-sandbox-XXXXXX";
static char inside[64], outside[64];
static int outer, top, socket_fd;

/* How a case's process ended, unless it is 0 or an errno. */
enum { DIED = -1 };

struct sandbox_case {
	const char *what;
	bool (*act)(void); /* false: errno */
};

static bool good(int result)
{
	return result >= 0;
}

/* --- what a dump needs --- */

static bool files_inside(void)
{
	struct statvfs free_space;
	struct stat st;
	char data[8];
	int host, fd;

	return good(mkdirat(top, "host", 0750)) && good(host = openat(top, "host", O_RDONLY)) &&
	       good(fd = openat(host, "vmcore", O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0640)) &&
	       pwrite(fd, "netdump", 8, 4096) == 8 && pread(fd, data, 8, 4096) == 8 &&
	       !ftruncate(fd, 8192) && !fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 4096) && !fsync(fd) &&
	       !fstat(fd, &st) && st.st_size == 8192 && !fstatvfs(fd, &free_space) && !close(fd) &&
	       !renameat(host, "vmcore", host, "core") &&
	       !fstatat(host, "core", &st, AT_SYMLINK_NOFOLLOW) && !mkdirat(host, "a", 0750) &&
	       !renameat(host, "a", host, "b") && !renameat(host, "core", top, "core") &&
	       !fsync(host) && !unlinkat(host, "b", AT_REMOVEDIR) && !unlinkat(top, "core", 0) &&
	       !unlinkat(top, "host", AT_REMOVEDIR);
}

static void *thread_run(void *argument)
{
	free(malloc(1 << 20)); /* an arena of its own */
	return argument;
}

static bool threads(void)
{
	pthread_t thread;
	void *result;

	errno = pthread_create(&thread, NULL, thread_run, &top);
	return !errno && !pthread_join(thread, &result) && result == &top;
}

static bool events(void)
{
	struct epoll_event event = {.events = EPOLLIN};
	uint64_t one = 1;
	sigset_t set;
	int epoll, fd;

	sigemptyset(&set);
	return good(epoll = epoll_create1(0)) && good(fd = eventfd(0, 0)) &&
	       good(signalfd(-1, &set, 0)) && !epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) &&
	       write(fd, &one, sizeof one) == sizeof one && epoll_wait(epoll, &event, 1, 1000) == 1;
}

static bool own_socket(void)
{
	char data[8];

	return send(socket_fd, "netdump", 8, 0) == 8 && recv(socket_fd, data, 8, 0) == 8;
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static bool memory(void)
{
	size_t bytes = 64 << 20;
	char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int *many = calloc(100000, sizeof *many);

	if (p == MAP_FAILED || !many)
		return false;
	qsort(many, 100000, sizeof *many, compare);
	many = realloc(many, bytes);
	free(many);
	return !munmap(p, bytes);
}

static bool clocks(void)
{
	struct timespec t = {.tv_nsec = 1000};
	struct tm tm;
	time_t now = time(NULL);

	return !nanosleep(&t, NULL) && !clock_gettime(CLOCK_MONOTONIC, &t) &&
	       localtime_r(&now, &tm);
}

static bool text_written(int folder, const char *name, const char *text)
{
	int fd = openat(folder, name, O_WRONLY | O_CREAT, 0600);

	return good(fd) && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && !close(fd);
}

/* With every call that the library behind it makes. */
static bool drivers(void)
{
	static const char request[] = "6.1\na:\n";
	struct nd_catalogue_answer answer;
	int folder;

	if (mkdirat(top, "6.1", 0750) || !good(folder = openat(top, "6.1", O_RDONLY)) ||
	    !text_written(folder, "modules.alias", "alias a: nic\n") ||
	    !text_written(folder, "modules.dep", "nic.ko:\n") ||
	    !text_written(folder, "nic.ko", "nic"))
		return false;
	if (!nd_catalogue_answer_make(top, request, strlen(request), &answer)) {
		errno = ENODATA;
		return false;
	}
	free(answer.archive);
	return !unlinkat(folder, "modules.alias", 0) && !unlinkat(folder, "modules.dep", 0) &&
	       !unlinkat(folder, "nic.ko", 0) && !unlinkat(top, "6.1", AT_REMOVEDIR);
}

/* --- what leads outside --- */

static bool outside_by_path(void)
{
	return good(openat(top, outside, O_RDONLY));
}

static bool outside_written(void)
{
	return good(openat(top, outside, O_WRONLY));
}

static bool outside_made(void)
{
	return good(openat(top, "../new", O_WRONLY | O_CREAT, 0600));
}

static bool outside_by_dots(void)
{
	return good(openat(top, "../outside", O_RDONLY));
}

static bool outside_by_link(void)
{
	return good(openat(top, "link", O_RDONLY));
}

static bool outside_by_folder(void)
{
	return good(openat(outer, "outside", O_RDONLY));
}

static bool outside_removed(void)
{
	return good(unlinkat(top, outside, 0));
}

static bool outside_renamed(void)
{
	return good(renameat(top, "inside", outer, "outside"));
}

static bool link_made(void)
{
	return good(symlinkat("../outside", top, "link2"));
}

static bool without_folder(void)
{
	return good(open(inside, O_RDONLY));
}

/* --- what the process dies of --- */

static bool new_socket(void)
{
	return good(socket(AF_INET, SOCK_DGRAM, 0));
}

static bool new_unix_socket(void)
{
	int pair[2];

	return good(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
}

static bool connected(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};

	return good(connect(socket_fd, (struct sockaddr *)&to, sizeof to));
}

static bool new_program(void)
{
	char *const none[] = {NULL};

	return good(execve("/bin/true", none, none));
}

static bool new_process(void)
{
	return good(fork());
}

/* libc is told that there is no such call, and makes threads by the other. */
static bool new_process_by_clone3(void)
{
	struct clone_args arguments = {.exit_signal = SIGCHLD};

	return good((int)syscall(SYS_clone3, &arguments, sizeof arguments));
}

static bool traced(void)
{
	return good((int)ptrace(PTRACE_TRACEME, 0, 0, 0));
}

static bool signalled(void)
{
	return good(kill(1, 0));
}

static bool another_signalled(void)
{
	return good((int)syscall(SYS_tgkill, 1, 1, 0));
}

static bool new_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
	       MAP_FAILED;
}

static bool changed_code(void)
{
	return good(mprotect((void *)((uintptr_t)new_code & ~4095ul), 4096,
			     PROT_READ | PROT_WRITE | PROT_EXEC));
}

static bool readable_again(void)
{
	return good(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

static bool another_user(void)
{
	return good(setuid(0));
}

static bool mounted(void)
{
	return good((int)syscall(SYS_mount, NULL, NULL, NULL, 0, NULL));
}

static bool rings(void)
{
	return good((int)syscall(SYS_io_uring_setup, 1, NULL));
}

static bool modes_changed(void)
{
	return good(fchmod(top, 0777));
}

/* The same calls by other numbers: getpid for x32 programs. */
static bool other_numbers(void)
{
#ifdef __x86_64__
	return good((int)syscall(0x40000000 | SYS_getpid));
#else
	return new_socket();
#endif
}

static const struct sandbox_case needed[] = {
	{"files in DIR", files_inside}, {"threads", threads}, {"events", events},
	{"its own socket", own_socket}, {"memory", memory},   {"clocks", clocks},
	{"drivers", drivers},
};

static const struct sandbox_case leading_outside[] = {
	{"by its path", outside_by_path},      {"for writing", outside_written},
	{"a new file", outside_made},          {"by ..", outside_by_dots},
	{"by a link inside", outside_by_link}, {"by a folder that was open", outside_by_folder},
	{"renamed to", outside_renamed},       {"removed", outside_removed},
};

static const struct sandbox_case deadly[] = {
	{"a link", link_made},
	{"a socket", new_socket},
	{"a pair of sockets", new_unix_socket},
	{"a connection", connected},
	{"a program", new_program},
	{"a process", new_process},
	{"tracing", traced},
	{"a signal", signalled},
	{"a signal to another's thread", another_signalled},
	{"new code", new_code},
	{"changed code", changed_code},
	{"readable by others again", readable_again},
	{"another user", another_user},
	{"a mount", mounted},
	{"a ring of calls", rings},
	{"modes", modes_changed},
	{"calls by other numbers", other_numbers},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void file_make(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
}

/* Runs one case in a process of its own; how that ended. */
static int case_run(const struct sandbox_case *c, bool sandboxed)
{
	const struct rlimit no_core = {0, 0};
	int status;
	pid_t pid;

	file_make(inside);
	file_make(outside);
	pid = fork();
	if (!pid) {
		signal(SIGSEGV, SIG_DFL); /* cmocka catches it, and would go on in here */
		setrlimit(RLIMIT_CORE, &no_core);
		if (sandboxed && !nd_sandbox_enter(top, -1))
			_exit(255);
		_exit(c->act() ? 0 : errno);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		return DIED;
	if (!WIFEXITED(status))
		fail_msg("%s: died of signal %d", c->what, WTERMSIG(status));
	return WEXITSTATUS(status);
}

static void case_assert(const struct sandbox_case *c, bool sandboxed, int expected)
{
	int got = case_run(c, sandboxed);

	if (got != expected)
		fail_msg("%s, %s the sandbox: expected %d, got %d%s%s", c->what,
			 sandboxed ? "in" : "without", expected, got, got > 0 ? ", " : "",
			 got > 0 ? strerror(got) : "");
}

static void what_a_dump_needs_works(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(needed); i++)
		case_assert(&needed[i], true, 0);
}

/* Each would work without the sandbox: it is the sandbox that refuses. */
static void nothing_outside_is_opened(void **state)
{
	(void)state;
	if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < 0) {
		print_message("this kernel has no Landlock\n");
		skip();
	}
	for (size_t i = 0; i < COUNT(leading_outside); i++) {
		case_assert(&leading_outside[i], false, 0);
		case_assert(&leading_outside[i], true, EACCES);
	}
}

static void without_a_folder_nothing_is_found(void **state)
{
	(void)state;
	const struct sandbox_case c = {"a file in DIR, by its whole path", without_folder};

	case_assert(&c, false, 0);
	case_assert(&c, true, EACCES);
}

static void what_cannot_be_looked_into_is_not_there(void **state)
{
	(void)state;
	const struct sandbox_case c = {"a process by clone3", new_process_by_clone3};

	case_assert(&c, true, ENOSYS);
}

static void other_calls_are_the_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(deadly); i++)
		case_assert(&deadly[i], true, DIED);
}

static int place_make(void **state)
{
	struct sockaddr_in self = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t bytes = sizeof self;

	(void)state;
	if (!mkdtemp(outer_path))
		return 1;
	outer = open(outer_path, O_RDONLY);
	top = mkdirat(outer, "dir", 0700) ? -1 : openat(outer, "dir", O_RDONLY);
	snprintf(inside, sizeof inside, "%s/dir/inside", outer_path);
	snprintf(outside, sizeof outside, "%s/outside", outer_path);
	socket_fd = socket(AF_INET, SOCK_DGRAM, 0);
	return top < 0 || symlinkat("../outside", top, "link") ||
	       bind(socket_fd, (struct sockaddr *)&self, bytes) ||
	       getsockname(socket_fd, (struct sockaddr *)&self, &bytes) ||
	       connect(socket_fd, (struct sockaddr *)&self, bytes);
}

static int place_remove(void **state)
{
	(void)state;
	unlinkat(outer, "new", 0);
	unlinkat(outer, "outside", 0);
	unlinkat(top, "inside", 0);
	return unlinkat(top, "link", 0) || unlinkat(outer, "dir", AT_REMOVEDIR) ||
	       rmdir(outer_path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_dump_needs_works),
		cmocka_unit_test(nothing_outside_is_opened),
		cmocka_unit_test(without_a_folder_nothing_is_found),
		cmocka_unit_test(what_cannot_be_looked_into_is_not_there),
		cmocka_unit_test(other_calls_are_the_end),
	};

	return cmocka_run_group_tests(tests, place_make, place_remove);
}
