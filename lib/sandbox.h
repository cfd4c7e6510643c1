/*
 * Giving up privilege, once what needs it is open (DESIGN.md 5). Nothing of
 * it can be undone by the process.
 */
#ifndef LIB_SANDBOX_H
#define LIB_SANDBOX_H

/* Become user (NULL: stay who we are): its groups and no others, no
 * capability, and no_new_privs. Only root can become another; to stay who we
 * are is no error. 0, or -1 with errno: EINVAL: there is no such user. */
int sandbox_drop(const char *user);

#endif
