/*
 * The page that html fills, as analysis/web/bundle.mjs made it: what comes
 * before the data and what comes behind. Both are "" in a build that had no
 * Node.js or no packages.
 */
#ifndef ANALYSIS_HTML_PAGE_H
#define ANALYSIS_HTML_PAGE_H

extern const char html_page_head[];
extern const char html_page_tail[];

#endif
