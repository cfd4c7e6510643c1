/*
 * The maps that ship, schema/sitemap/ *.map, as text (schema/embed.sh).
 */
#ifndef LIB_SITE_MAP_SHIPPED_H
#define LIB_SITE_MAP_SHIPPED_H

extern const char site_map_roots[];
extern const char site_map_resolvers[];

#endif
