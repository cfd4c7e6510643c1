/* acprobe: measure anycast from one vantage point. */
#include <stdio.h>

#include "lib/log.h"
#include "lib/sign.h"
#include "probe/keygen.h"
#include "probe/options.h"
#include "probe/round.h"

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

int
main(int argc, char **argv)
{
	struct options options;
	int code;

	log_init("acprobe", 0);
	sign_alone();
	code = options_read(&options, argc, argv);
	log_init("acprobe", options.verbose);
	if (code == EXIT_DONE)
		code = run(&options);
	options_clear(&options);
	return code;
}
