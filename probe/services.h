/*
 * Which question names the instance of a service (lib/services.h).
 */
#ifndef PROBE_SERVICES_H
#define PROBE_SERVICES_H

#include "lib/services.h"
#include "lib/services_item.h"

#endif
