#include "collector/import_writer.h"

#include "lib/limits.h"
#include "lib/log.h"

#define BUSY_TRIES 5 /* each waits as long as store_begin does */

int
import_failed(struct import_writer *writer, enum store_result result)
{
	writer->failed = true;
	log_warnx("import: %s", store_result_name(result));
	return EXIT_STORAGE;
}

int
import_begin(struct import_writer *writer)
{
	enum store_result result = STORE_BUSY;
	int tries;

	if (writer->begun)
		return 0;
	for (tries = 0; tries < BUSY_TRIES && result == STORE_BUSY; tries++)
		result = store_begin(writer->store);
	if (result != STORE_OK)
		return import_failed(writer, result);
	writer->begun = true;
	writer->in_transaction = 0;
	return 0;
}

int
import_commit(struct import_writer *writer)
{
	enum store_result result;

	if (!writer->begun)
		return 0;
	writer->begun = false;
	result = store_commit(writer->store);
	return result == STORE_OK ? 0 : import_failed(writer, result);
}

int
import_commit_full(struct import_writer *writer)
{
	return writer->in_transaction >= LIMIT_IMPORT_PER_COMMIT
		   ? import_commit(writer)
		   : 0;
}

int
import_added(struct import_writer *writer, enum store_result result)
{
	writer->in_transaction++;
	switch (result) {
	case STORE_OK:
		writer->stored++;
		return 0;
	case STORE_DUPLICATE:
		writer->duplicates++;
		return 0;
	case STORE_CONFLICT:
		writer->conflicts++;
		return 0;
	default:
		writer->begun = false;
		store_rollback(writer->store);
		return import_failed(writer, result);
	}
}
