#include "analysis/bloc.h"

#include <ctype.h>
#include <string.h>

/* Since 2020-02-01. */
static const char eu[] = "AT,BE,BG,CY,CZ,DE,DK,EE,ES,FI,FR,GR,HR,HU,IE,IT,"
			 "LT,LU,LV,MT,NL,PL,PT,RO,SE,SI,SK";

static const char *
list_of(const char *text)
{
	return strcmp(text, "eu") == 0 ? eu : text;
}

int
bloc_check(const char *text)
{
	const char *list = list_of(text);

	for (;; list += 3) {
		if (!isupper((unsigned char)list[0]) ||
		    !isupper((unsigned char)list[1]))
			return -1;
		if (list[2] != ',')
			return list[2] == '\0' ? 0 : -1;
	}
}

bool
bloc_holds(const char *text, const char *country)
{
	const char *list = list_of(text);

	if (strlen(country) != 2)
		return false;
	for (;; list += 3) {
		if (strncmp(list, country, 2) == 0)
			return true;
		if (list[2] == '\0')
			return false;
	}
}
