/* What geo finds in the MMDB files of the arguments about the addresses of
 * standard input, one line each: country, city, AS, its name, position. */
#include <stdio.h>
#include <string.h>
#include "lib/geo.h"
#include "lib/log.h"

int
main(int argc, char **argv)
{
	struct geo *geo;
	char line[256];

	log_init("geo_find", 0);
	geo = geo_open((const char *const *)argv + 1, (size_t)argc - 1);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		struct geo_place p;
		struct addr addr;

		line[strcspn(line, "\n")] = '\0';
		if (addr_parse(&addr, line) == -1)
			return 2;
		(void)printf("%d\t", geo_find(geo, &addr, &p));
		(void)printf("%s\t%s\t%lld\t%s\t", p.country, p.city,
		    (long long)p.asn, p.as_name);
		if (p.has_position)
			(void)printf("%.6f %.6f", p.lat, p.lon);
		(void)putchar('\n');
	}
	geo_close(geo);
	return 0;
}
