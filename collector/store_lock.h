/*
 * DB.lock: held by whoever writes, checkpoints or closes.
 */
#ifndef COLLECTOR_STORE_LOCK_H
#define COLLECTOR_STORE_LOCK_H

/* Open the lock file of a database, made where it is missing with the mode
 * and owner of the database. -1 with errno. Nothing is locked yet. */
int store_lock_open(const char *db_path);

/* Take it, waiting a few seconds at most. 0, or -1 with EWOULDBLOCK. */
int store_lock_take(int fd);
void store_lock_release(int fd);

#endif
