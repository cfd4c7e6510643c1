/* Proves that privilege, once dropped, is gone for good. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <netinet/in.h>
#include <unistd.h>
#include "lib/sandbox.h"

/* In a child: 0 where all holds, else the number of what does not. */
static int
drop_and_look(const char *user, bool other_user)
{
	int open_before = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);

	if (sandbox_drop(user) == -1)
		return 1;
	if (capng_have_capabilities(CAPNG_SELECT_CAPS) != CAPNG_NONE)
		return 2;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 3;
	if (socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) != -1 || errno != EPERM)
		return 4;
	/* What was open stays of use. */
	if (open_before == -1 || send(open_before, "", 0, 0) != -1 ||
	    errno == EPERM)
		return 5;
	if (other_user && (setuid(0) == 0 || seteuid(0) == 0 || setgid(0) == 0))
		return 6;
	if (other_user && (getuid() == 0 || getegid() == 0))
		return 7;
	if (other_user && setgroups(0, NULL) == 0)
		return 8;
	return 0;
}

static int
in_child(const char *user, bool other_user)
{
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(drop_and_look(user, other_user));
	assert_int_not_equal(child, -1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
root_becomes_the_user_and_cannot_come_back(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(in_child("nobody", true), 0);
}

static void
without_a_user_capabilities_are_dropped_all_the_same(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(in_child(NULL, false), 0);
}

static void
a_user_that_does_not_exist_is_no_user(void **state)
{
	(void)state;
	assert_int_equal(sandbox_drop("no-such-user"), -1);
	assert_int_equal(errno, EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(root_becomes_the_user_and_cannot_come_back),
		cmocka_unit_test(
		    without_a_user_capabilities_are_dropped_all_the_same),
		cmocka_unit_test(a_user_that_does_not_exist_is_no_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
