/*
 * A copy of the database, made while others write.
 */
#ifndef COLLECTOR_BACKUP_H
#define COLLECTOR_BACKUP_H

/* Copy one state of the database at path to a new file, and look whether the
 * copy is whole. The name is taken only once it is, and on the disk; killed
 * before, what is left behind is named "TO.PID.new". The exit code, after one
 * line where it is not EXIT_DONE. */
int backup_store(const char *path, const char *to);

/* The same of a database that is open. */
struct store;
int backup_open_store(struct store *, const char *to);

#endif
