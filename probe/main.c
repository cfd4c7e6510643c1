/* acprobe: measure anycast from one vantage point. */
#include <malloc.h>
#include <stdio.h>

#include "lib/file.h"
#include "lib/log.h"
#include "lib/sign.h"
#include "probe/keygen.h"
#include "probe/options.h"
#include "probe/round.h"

#define LARGE_BYTES (128 << 10)

static int
run(const struct options *options)
{
	switch (options->mode) {
	case MODE_HELP:
		options_help();
		return EXIT_DONE;
	case MODE_VERSION:
		(void)puts("acprobe " AC_VERSION);
		return EXIT_DONE;
	case MODE_KEYGEN:
		return keygen(options->key_file);
	case MODE_CHECK_CONFIG:
		return round_check(options->config);
	case MODE_ROUND:
		return round_run(options->config, &options->manners,
		    options->look.write, options->look.dry_run);
	case MODE_LOOK:
		break;
	}
	return look(&options->look);
}

/* Large blocks stay out of the heap, and go back when they are freed: what
 * grows with a round would leave holes there else, half a megabyte in all. */
static void
keep_large_apart(void)
{
#ifdef M_MMAP_THRESHOLD
	(void)mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
#endif
}

int
main(int argc, char **argv)
{
	struct options options;
	int code;

	log_init("acprobe", 0);
	file_init();
	keep_large_apart();
	sign_alone();
	code = options_read(&options, argc, argv);
	log_init("acprobe", options.verbose);
	if (code == EXIT_DONE)
		code = run(&options);
	options_clear(&options);
	return log_output_done(code);
}
